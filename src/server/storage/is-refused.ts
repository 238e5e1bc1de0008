import { lookup } from 'node:dns';
import { connect, type LookupFunction } from 'node:net';
import { parseAddress } from '../../base/address.js';

/** How long a machine has to answer: one that is gone, or cut off, says nothing. */
const ANSWER_MS = 1_000;

/**
 * Whether nothing listens at an address, HOST:PORT: its machine refuses connections. False also where that cannot be told, as of a machine
 * that does not answer, or of a name with several addresses where one of them says something else. `find`: how names are looked up.
 */
export function isRefused(address: string, find: LookupFunction = lookup): Promise<boolean> {
  return new Promise((resolve) => {
    const { host, port } = parseAddress(address);
    const socket = connect({ host, port, timeout: ANSWER_MS, lookup: find });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('error', (error) => end(isRefusal(error)));
  });
}

/** Where a name has several addresses there is an error for each, and the code of all is that of the first. */
function isRefusal(error: NodeJS.ErrnoException & { readonly errors?: readonly NodeJS.ErrnoException[] }): boolean {
  if (error.errors !== undefined) return error.errors.every(isRefusal);
  return error.code === 'ECONNREFUSED';
}
