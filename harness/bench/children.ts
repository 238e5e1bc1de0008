import type { ChildProcess } from 'node:child_process';

const children = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A process that ends with this one at the latest, however this one ends. */
export function bound(child: ChildProcess): ChildProcess {
  children.add(child);
  // Whoever waits for it is told; that nobody does is no reason to end.
  child.on('error', () => {});
  child.once('exit', () => children.delete(child));
  return child;
}
