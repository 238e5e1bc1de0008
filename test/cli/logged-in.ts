import { Readable } from 'node:stream';
import { runCommand } from './command.js';

/**
 * Logs the user of the tests' commands in at a server: with a ticket that an administrator issues, as a person who may read and connect.
 * Commands that say nothing else use it from then on.
 */
export async function logIn(server: readonly string[], adminToken: string): Promise<void> {
  const issue = ['ticket', 'issue', '--role', 'client', '--kind', 'person', '--json'];
  const issued = await runCommand([...issue, ...server, '--admin-token', adminToken]);
  if (issued.status !== 0) throw new Error(`no ticket was issued: ${issued.err}`);
  const input = Readable.from([(JSON.parse(issued.out) as { text: string }).text]);
  const login = await runCommand(['login', ...server, '--ticket-file', '-', '--name', 'reader'], { input });
  if (login.status !== 0) throw new Error(`nobody could log in: ${login.err}`);
}
