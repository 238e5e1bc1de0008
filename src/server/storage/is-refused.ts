import { connect } from 'node:net';
import { parseAddress } from '../../base/address.js';

/** How long a machine has to answer: one that is gone, or cut off, says nothing. */
const ANSWER_MS = 1_000;

/**
 * Whether nothing listens at an address, HOST:PORT: its machine refuses connections. False also where that cannot be told, as of a machine
 * that does not answer.
 */
export function isRefused(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { host, port } = parseAddress(address);
    const socket = connect({ host, port, timeout: ANSWER_MS });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED'));
  });
}
