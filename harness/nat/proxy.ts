/**
 * An HTTP proxy that knows CONNECT alone and asks for a user and a password, as companies have them. Takes after how many milliseconds
 * without a byte it ends a connection, 0 for never. Prints `ready`, and then a line for each connection that it has let through.
 */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { wholeNumber } from '../number-option.js';
import { PROXY_PASSWORD, PROXY_PORT, PROXY_USER } from './ports.js';

const idleMs = wholeNumber('the idle time in milliseconds', process.argv[2] ?? '0');
const EXPECTED = `Basic ${Buffer.from(`${PROXY_USER}:${PROXY_PASSWORD}`).toString('base64')}`;

const proxy = createServer((_request, response) => response.writeHead(405).end());
proxy.on('connect', ({ url, headers }, socket, head) => {
  socket.on('error', () => socket.destroy());
  if (headers['proxy-authorization'] !== EXPECTED) {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
    return;
  }
  const { hostname, port } = new URL(`http://${url}`);
  const onward = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    onward.write(head);
    socket.pipe(onward).pipe(socket);
    console.log(url);
  });
  // Bytes either way are activity: what one socket sends the other has received.
  onward.setTimeout(idleMs, () => onward.destroy());
  onward.on('error', () => socket.destroy());
  socket.on('close', () => onward.destroy());
  onward.on('close', () => socket.destroy());
});
proxy.listen(PROXY_PORT, () => console.log('ready'));
