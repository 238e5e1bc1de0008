import { execFile } from 'node:child_process';
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

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
