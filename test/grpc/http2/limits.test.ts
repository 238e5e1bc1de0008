import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { Client, credentials, Metadata, type Server, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { http2ServerOf } from '../../../src/grpc/http2/limits.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { agent, asHeaders, ask, open, type Running, refusalOf, refused, run } from '../running.js';

const EMPTY = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };

describe('the wire', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'message-bytes': '16KiB' });
  });
  afterAll(() => at.stop());

  /** One call by hand: any path, any headers, any bytes. Resolves with the trailers (or the headers, alone). */
  const raw = (path: string, headers: Record<string, string>, body: Buffer) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const session = connect(`http://${at.address}`);
      session.once('error', reject);
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      let found: Record<string, unknown> = {};
      const take = (fields: object) => {
        found = { ...found, ...fields };
      };
      stream.on('response', take).on('trailers', take).on('error', reject).resume();
      stream.on('close', () => {
        session.close();
        resolve(found);
      });
      stream.end(body);
    });
  const framed = (message: Buffer, compressed = 0) => {
    const head = Buffer.alloc(5);
    head[0] = compressed;
    head.writeUInt32BE(message.length, 1);
    return Buffer.concat([head, message]);
  };
  const answer = async (path: string, headers: Record<string, string>, body: Buffer) => {
    const fields = await raw(path, headers, body);
    const details = fields['grpc-status-details-bin'] as string | undefined;
    const metadata = new Metadata();
    if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details, 'base64'));
    return refusalOf({
      code: Number(fields['grpc-status']),
      details: decodeURI(String(fields['grpc-message'])),
      metadata,
    });
  };
  const list = Sessions.listSessions.path;

  it.each([
    ['bytes that are no message', Buffer.from('ffffffffffff', 'hex'), 'FIELD_INVALID'],
    ['a message cut short', Buffer.from('120a61', 'hex'), 'FIELD_INVALID'],
    ['a field of the wrong wire type', Buffer.from('0f', 'hex'), 'FIELD_INVALID'],
    ['a text that is not UTF-8', Buffer.from('1202c328', 'hex'), 'FIELD_INVALID'],
  ])('refuses %s, naming it', async (_what, message, reason) => {
    expect(await answer(list, {}, framed(message))).toMatchObject({ code: status.INVALID_ARGUMENT, reason });
  });

  it('refuses what is compressed by something unknown, or not at all as it says', async () => {
    const unknown = await answer(list, { 'grpc-encoding': 'snappy' }, framed(Buffer.from('x'), 1));
    expect(unknown).toMatchObject({ code: status.UNIMPLEMENTED, reason: 'UNIMPLEMENTED' });
    const garbage = await answer(list, { 'grpc-encoding': 'gzip' }, framed(Buffer.from('no gzip'), 1));
    expect(garbage).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'FIELD_INVALID' });
  });

  it('refuses a message that is too large by its announced length, before it has come', async () => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(16 * 1024 + 1, 1);
    expect(await answer(list, {}, head)).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'TOO_LARGE' });
    const request = { ...agent(1), name: 'x'.repeat(20_000) };
    expect(await refused(ask(at, Sessions.session, request))).toMatchObject({ reason: 'TOO_LARGE' });
  });

  it('refuses no message at all, and two for one', async () => {
    expect((await answer(list, {}, Buffer.alloc(0))).code).toBe(status.UNIMPLEMENTED);
    const one = framed(Buffer.alloc(0));
    expect((await answer(list, {}, Buffer.concat([one, one]))).code).toBe(status.UNIMPLEMENTED);
  });

  it.each(['/switchyard.v1.SessionService/Nothing', '/switchyard.v2.SessionService/Session', '/', '/a?b#c'])(
    'does not know the method %s, and says so with details',
    async (path) => {
      const unknown = await answer(path, {}, framed(Buffer.alloc(0)));
      expect(unknown).toMatchObject({ code: status.UNIMPLEMENTED, reason: 'UNIMPLEMENTED', domain: 'switchyard' });
      expect(unknown.message).toContain(JSON.stringify(path));
    },
  );

  it.each(['99999999H', '99999999M', '99999999S', '4294968S'])('lives with a deadline of %s', async (timeout) => {
    const fields = await raw(list, { 'grpc-timeout': timeout }, framed(Buffer.alloc(0)));
    expect(fields['grpc-status']).toBe('0');
  });

  it('refuses a deadline that is none', async () => {
    const refusal = await answer(list, { 'grpc-timeout': 'soon' }, framed(Buffer.alloc(0)));
    expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['grpc-timeout'] });
  });

  it('does not take metadata without end', async () => {
    const small = asHeaders({ note: 'x'.repeat(8_000) });
    await ask(at, Sessions.listSessions, EMPTY, small);
    const large = asHeaders({ note: 'x'.repeat(DEFAULT_DOOR_LIMITS.metadataBytesMax) });
    await expect(ask(at, Sessions.listSessions, EMPTY, large)).rejects.toThrow();
  });

  it('survives bytes that are not HTTP/2 at all', async () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      '\x16\x03\x01\x00\xa5\x01',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage!!!',
    ]) {
      const [host, port] = at.address.split(':');
      await new Promise<void>((resolve) => {
        const socket = connectTcp(Number(port), host, () => socket.end(bytes, 'latin1'));
        socket
          .on('close', () => resolve())
          .on('error', () => resolve())
          .resume();
      });
    }
    await ask(at, Sessions.listSessions, EMPTY);
  });

  it('counts the watches of a connection, and takes new ones when old ones are gone', async () => {
    const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const there = { ...at, client };
    const request = { cvids: [], after: undefined };
    const watches = [];
    for (let count = 0; count < DEFAULT_DOOR_LIMITS.watchesPerConnectionMax; count++) {
      watches.push(open(there, Network.watchEndpointClosed, request));
    }
    await Promise.all(watches.map((watch) => watch.next()));
    const refusal = await open(there, Network.watchEndpointClosed, request).ending();
    expect(refusal).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'WATCH_LIMIT' });
    expect(refusal.retryMs).toBeGreaterThan(0);
    const other = open(at, Network.watchEndpointClosed, request);
    await other.next();
    other.call.cancel();
    for (const watch of watches) watch.call.cancel();
    client.close();
  });

  it('takes so many connections, and gives the place of one that has no call to a new one', async () => {
    const small = await run({ 'connections-max': '2' });
    const [host, port] = small.address.split(':');
    // Its watch is a call, so its place is safe.
    const watching = open(small, Network.watchEndpointClosed, { cvids: [], after: undefined });
    await watching.next();
    const dial = async () => {
      const socket = connectTcp(Number(port), host).on('error', () => {});
      // A server speaks first in HTTP/2.
      await new Promise((resolve) => socket.once('data', resolve));
      return socket;
    };
    const first = await dial();
    const gone = new Promise((resolve) => first.once('close', resolve));
    const second = await dial();
    await gone;
    await ask(small, Sessions.listSessions, EMPTY);
    expect(second.destroyed).toBe(false);
    watching.call.cancel();
    second.destroy();
    await small.stop();
  });
});

describe('the HTTP/2 server below grpc-js', () => {
  it('keeps a server from starting where it is not shown', () => {
    expect(() => http2ServerOf({} as Server)).toThrow('does not show its HTTP/2 server');
    expect(() => http2ServerOf({ http2Servers: new Map() } as unknown as Server)).toThrow('does not show');
  });
});
