import type { ChildProcess } from 'node:child_process';

/** Whether a child has ended, also by a signal: then it has no exit code, and `exit` does not come a second time. */
export function hasEnded({ exitCode, signalCode }: Pick<ChildProcess, 'exitCode' | 'signalCode'>): boolean {
  return exitCode !== null || signalCode !== null;
}
