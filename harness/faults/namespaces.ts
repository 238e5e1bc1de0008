import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const PREFIX = 'swfaults-';

/** The name of a namespace of a run; the run is named by the number of the process that makes it. */
export function namespaceName(role: string, run: number | string = process.pid): string {
  return `${PREFIX}${run}-${role}`;
}

/** Runs a command to its end. Throws an Error with what it said when it fails. */
export function run(argv: readonly string[], input = ''): void {
  const done = spawnSync(argv[0], argv.slice(1), { input, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr || done.error}\n${input}`);
}

/** Ends what runs in a namespace, and removes it. */
export function removeNamespace(namespace: string): void {
  const pids = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout ?? '';
  for (const pid of pids.split('\n').filter(Boolean)) isThere(Number(pid), 'SIGKILL');
  spawnSync('ip', ['netns', 'delete', namespace]);
}

/** Removes the namespaces of runs whose process is no more. */
export function removeLeftovers(): void {
  for (const namespace of namespaces()) {
    const pid = Number(namespace.slice(PREFIX.length).split('-')[0]);
    if (!isThere(pid, 0)) removeNamespace(namespace);
  }
}

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(PREFIX));
  } catch {
    return []; // the directory is made with the first namespace
  }
}

/** Whether the signal could be sent; a process that is gone needs none. */
function isThere(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
