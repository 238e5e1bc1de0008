import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A server with a console in a process of its own. */
export class ConsoleProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly listening: Readonly<Record<string, string>>,
  ) {}

  /** Starts one with a page that was built; resolves when it listens. */
  static async start(assets: string, flags: Readonly<Record<string, string>>): Promise<ConsoleProcess> {
    const options = Object.entries(flags).map(([flag, value]) => `${flag}=${value}`);
    const args = ['--no-warnings', '--import', './harness/typescript.mjs', 'test/console/serve.ts', assets, ...options];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line').then(([first]) => String(first)),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the server ended with ${code}`))),
    ]);
    return new ConsoleProcess(child, JSON.parse(line).listening);
  }

  /** Ends it, and resolves when it has ended. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}
