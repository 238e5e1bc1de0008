import { once } from 'node:events';
import { connect, constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { setImmediate as turnOfNode } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/client/system.js';
import { Peers } from '../../../src/grpc/http2/peers.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';

const CALLS = 300;
/** 16 parts of 4 calls in each turn, and the turn in which they are counted may lie between two. */
const PER_TURN_MAX = 128;

/** A server of node with as many calls as {@link CALLS} on one connection, none of which ends by itself. */
async function serveCalls() {
  const server = createServer();
  const limits = { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 };
  const peers = new Peers(systemClock, limits, { answers: new Set(), watches: new Set() }, () => {});
  peers.watch(server);
  const codes: number[] = [];
  let begun = 0;
  const allBegun = new Promise<void>((resolve) => {
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {});
      stream.on('close', () => codes.push(stream.rstCode));
      if (++begun === CALLS) resolve();
    });
  });
  server.on('sessionError', () => {});
  const spoken = once(server, 'session') as Promise<[ServerHttp2Session]>;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connectSocket(port, '127.0.0.1');
  const client = connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  client.on('error', () => {});
  for (let at = 0; at < CALLS; at++) client.request({ ':path': '/' }, { endStream: false }).on('error', () => {});
  const [[session]] = await Promise.all([spoken, allBegun]);
  /** How many calls ended in each turn of the event loop in which some did. */
  const endings = async () => {
    const counts: number[] = [];
    for (let before = 0; codes.length < CALLS; before = codes.length) {
      await turnOfNode();
      if (codes.length > before) counts.push(codes.length - before);
    }
    return counts;
  };
  return { server, peers, session, socket, client, codes, endings };
}

describe('the calls of one connection', () => {
  it.each([
    ['its client resets it', constants.NGHTTP2_CANCEL, 'reset'],
    ['its client closes it', constants.NGHTTP2_CANCEL, 'close'],
    ['the server destroys its session', constants.NGHTTP2_CANCEL, 'destroy'],
    ['the server cuts it off', constants.NGHTTP2_ENHANCE_YOUR_CALM, 'cut off'],
  ] as const)('end a few in each turn of the event loop when %s', async (_why, code, how) => {
    const { server, peers, session, socket, client, codes, endings } = await serveCalls();
    if (how === 'reset') socket.resetAndDestroy();
    else if (how === 'close') socket.destroy();
    else if (how === 'destroy') session.destroy();
    else peers.find(`127.0.0.1:${socket.localPort}`)?.close();
    const counts = await endings();
    expect(Math.max(...counts)).toBeLessThanOrEqual(PER_TURN_MAX);
    expect(codes).toEqual(new Array(CALLS).fill(code));
    client.destroy();
    server.close();
  });
});
