import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ServerServiceService as Server } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { bindingRequest } from '../../../src/stun/binding.js';
import { GrpcFrom } from '../../grpc/from.js';
import { agent, RawTalk } from '../../system/talking.js';

const PAGE = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
const GET_SERVER = Server.getServer.path;
let sessions = 0;

/** Where a client comes from: an address of the loopback, and what it sends before anything else. */
export interface From {
  readonly address: string;
  readonly before?: Uint8Array;
}

/** A socket from an address of the loopback, connected. */
export async function dial({ address, before }: From, server: string): Promise<Socket> {
  const [host, port] = server.split(':');
  const socket = connect({ host, port: Number(port), localAddress: address });
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (before !== undefined) socket.write(before);
  return socket;
}

/** A first answer of a port to a client that speaks as it should; undefined when it closed instead. */
export type Client = (from: From, server: string) => Promise<string | undefined>;

/** One client for each kind of port, which closes its connection when it has its answer. */
export const CLIENTS: Readonly<Record<string, Client>> = {
  async grpc({ address, before }, server) {
    const client = await GrpcFrom.connect(address, server, before);
    const outcome = await client.ask(Sessions.listSessions, PAGE).catch(() => undefined);
    await client.close();
    return outcome !== undefined && 'answer' in outcome ? 'answered' : undefined;
  },
  tcp: async (from, server) => session(await dial(from, server)),
  tls: async (from, server) => session(await secured(await dial(from, server))),
  ws: async (from, server) => firstLine(await dial(from, server), upgrade()),
  wss: async (from, server) => firstLine(await secured(await dial(from, server)), upgrade()),
  metrics: async (from, server) =>
    firstLine(await dial(from, server), 'GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
  web: async (from, server) =>
    firstLine(await dial(from, server), `GET ${GET_SERVER}?message=%7B%7D HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`),
  console: async (from, server) =>
    firstLine(await dial(from, server), 'GET /session HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
  async stun(from, server) {
    const socket = await dial(from, server);
    const said = await answerTo(socket, bindingRequest(Buffer.alloc(12, 7)));
    return said === undefined ? undefined : 'answered';
  },
};

/** What a good answer of each kind of port is. */
export const SERVED: Readonly<Record<string, string>> = {
  grpc: 'answered',
  tcp: 'session',
  tls: 'session',
  ws: 'HTTP/1.1 101 Switching Protocols',
  wss: 'HTTP/1.1 101 Switching Protocols',
  metrics: 'HTTP/1.1 200 OK',
  web: 'HTTP/1.1 200 OK',
  console: 'HTTP/1.1 200 OK',
  stun: 'answered',
};

/** A request to upgrade to a WebSocket, with further headers or other ones. */
export function upgrade(extra: Readonly<Record<string, string>> = {}): string {
  const headers = {
    host: '127.0.0.1',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': 'switchyard',
    ...extra,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET / HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** The first bytes that a connection answers with; undefined when it is closed instead. The connection is closed. */
export async function answerTo(socket: Socket, request: string | Uint8Array): Promise<Buffer | undefined> {
  socket.write(request);
  const said = await new Promise<Buffer | undefined>((resolve) => {
    socket.once('data', resolve);
    socket.once('close', () => resolve(undefined));
  });
  socket.destroy();
  return said;
}

async function firstLine(socket: Socket, request: string): Promise<string | undefined> {
  return (await answerTo(socket, request))?.toString().split('\r\n')[0];
}

async function session(socket: Socket): Promise<string | undefined> {
  const talk = new RawTalk(socket);
  talk.sendEvent({ type: 'Session', body: agent(++sessions) }, 1);
  const answer = await Promise.race([talk.answer(), talk.closed]);
  socket.destroy();
  return answer?.code === 0 ? 'session' : undefined;
}

/** TLS over a socket, once it is agreed on or the server has closed. */
export async function secured(socket: Socket): Promise<Socket> {
  const tls = connectTls({ socket, rejectUnauthorized: false });
  tls.on('error', () => {});
  await Promise.race([once(tls, 'secureConnect'), once(tls, 'close')]);
  return tls;
}
