/** Whether there is a process with this number. */
export function isRunning(pid: number): boolean {
  return signal(pid, 0);
}

/** Ends the process with this number; one that is gone needs no ending. */
export function kill(pid: number): void {
  signal(pid, 'SIGKILL');
}

function signal(pid: number, what: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, what);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
