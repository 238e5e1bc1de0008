import type { ChildProcess } from 'node:child_process';

/** Signals that end a process without its 'exit', and the status that a shell gives it then. */
const ENDING = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const children = new Set<ChildProcess>();
let isWatching = false;

/** Has this process end its children as it ends, also by a signal that nobody else here listens to. */
function watchEnd(): void {
  isWatching = true;
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL');
  });
  for (const [signal, status] of Object.entries(ENDING)) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(status));
  }
}

/** A process that ends with this one at the latest, whether this one ends by itself or by a signal that can be heard. */
export function bound(child: ChildProcess): ChildProcess {
  if (!isWatching) watchEnd();
  children.add(child);
  // Whoever waits for it is told; that nobody does is no reason to end.
  child.on('error', () => {});
  child.once('exit', () => children.delete(child));
  return child;
}
