import { spawn } from 'node:child_process';
import type { Surroundings } from '../surroundings.js';

/** What the service manager is told: that the service is ready, or that it goes down. */
export type ServiceState = 'READY=1' | 'STOPPING=1';

/**
 * Tells systemd how far the service is, where it waits for that (`Type=notify`), and in a few words what it does; elsewhere
 * nothing. By systemd's own program, as Node has no datagram sockets of Unix; `NotifyAccess=all` lets it speak for us.
 *
 * Resolves when it was told. A failure is of no consequence here: systemd says itself that it was told nothing.
 */
export function tellSystemd({ env }: Pick<Surroundings, 'env'>, state: ServiceState, words: string): Promise<void> {
  if ((env.NOTIFY_SOCKET ?? '') === '') return Promise.resolve();
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [state, `STATUS=${words}`], { env: { ...env }, stdio: 'ignore' });
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}
