/**
 * A plain TCP copy, with nothing in between:
 *
 *   plain.js take PORT               takes copies, and says `ready` when it listens
 *   plain.js give HOST PORT BYTES    makes one, and prints the milliseconds that it took
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { giveCopy, takeCopy } from './copy.js';

const [, , what, ...args] = process.argv;
if (what === 'take') {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', (first: Buffer) => takeCopy(socket, first));
  });
  await once(server.listen(Number(args[0]), '0.0.0.0'), 'listening');
  console.log('ready');
} else {
  const [host, port, bytes] = args;
  const socket = connect({ host: host!, port: Number(port), allowHalfOpen: true });
  await once(socket, 'connect');
  console.log(await giveCopy(socket, Number(bytes)));
}
