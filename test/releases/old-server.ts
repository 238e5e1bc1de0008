import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A run that does not end by itself by then has not refused what it was given. */
const RUN_MS = 20_000;

/** How a command of a release ended. */
export interface OldEnding {
  readonly status: number | undefined;
  readonly err: string;
}

/** The command line of a release, unpacked from its package, with the node modules of this checkout. */
export class OldServer {
  readonly #folder: string;
  #server: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Unpacks a package into a folder of its own. Nothing is fetched: what it depends on is taken from `root`. */
  static async unpack(tarball: string, root: string): Promise<OldServer> {
    const folder = await mkdtemp(join(tmpdir(), 'switchyard-old-server-'));
    await promisify(execFile)('tar', ['-xzf', tarball, '-C', folder]);
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    return new OldServer(folder);
  }

  /** Runs a command to its end. */
  run(args: readonly string[]): Promise<OldEnding> {
    const main = join(this.#folder, 'package', 'dist', 'src', 'main.js');
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [main, ...args], { timeout: RUN_MS }, (_error, _out, err) =>
        resolve({ status: child.exitCode ?? undefined, err }),
      );
    });
  }

  /** Starts the server, in memory unless a folder is given; answers with its gRPC address. */
  async serve(data = ':memory:', ...options: readonly string[]): Promise<string> {
    const main = join(this.#folder, 'package', 'dist', 'src', 'main.js');
    const args = [
      main,
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--data',
      data,
      '--json',
      '--log-level',
      'error',
      ...options,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#server = child;
    const ended = once(child, 'exit').then(([status]) => Promise.reject(new Error(`it ended with ${status}`)));
    const [line] = await Promise.race([once(child.stdout, 'data'), ended]);
    ended.catch(() => undefined);
    return (JSON.parse(String(line)) as { listening: { grpc: string } }).listening.grpc;
  }

  /** Has the server drain and end, as an upgrade does. */
  async stop(): Promise<void> {
    const exited = once(this.#server!, 'exit');
    this.#server!.kill('SIGTERM');
    await exited;
  }

  async remove(): Promise<void> {
    this.#server?.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}
