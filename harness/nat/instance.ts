/**
 * An instance of the test network as a process of its own: takes every connection and says everything back on it (or
 * counts it, if it is a copy), and does what it is told. Takes the server's address, and `map-ports` where the router does that; tells its SID, and then the outcome of each thing that it was told.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { DirectConnectionRequest, NetworkServiceClient } from '../../gen/switchyard/v1/network_service.js';
import { ConnectionState, LinkType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { COPY_MARK, giveCopy, takeCopy } from './copy.js';
import type { Outcome, Told } from './told.js';

/** How often the record of connections is read while a state is awaited: it has no watch. */
const RECORD_MS = 20;
/** Attempts of a relayed connection that fail before it is taken for one that stays so: the first one may lose a packet. */
const FAILURES_MAX = 2;

/** Bytes of one write of a talk. */
const TALK_BYTES = 65_536;

const server = process.argv[2]!;
const yard = new Switchyard({ server });
const instance = yard.join({
  mapPorts: process.argv[3] === 'map-ports',
  uuid: randomUUID(),
  type: 2,
  handlers: {
    accept: () => true,
    accepted: (stream) => {
      stream.on('error', () => stream.destroy());
      stream.once('data', (first: Buffer) => {
        if (first[0] === COPY_MARK) return takeCopy(stream, first);
        stream.write(first);
        return stream.pipe(stream);
      });
    },
  },
});
/** Connections that are held, with every path that each has moved to. */
const held = new Map<number, { readonly stream: PeerStream; readonly paths: string[] }>();
const say = (outcome: Outcome) => process.send!(outcome);

async function carry(stream: PeerStream): Promise<void> {
  const closed = once(stream, 'close').then(() => Promise.reject(new Error('closed before a byte had come')));
  closed.catch(() => {});
  stream.write('there and back');
  await Promise.race([once(stream, 'data'), closed]);
}

/** Resolves when a connection is direct, or as many attempts as it is given have failed. */
async function settle(stream: PeerStream): Promise<void> {
  while (stream.path !== 'direct' && !stream.destroyed) {
    const { attempts } = (await instance.getConnection(stream.connectionId)).connection;
    if (attempts.filter(({ reason }) => reason !== 0).length >= FAILURES_MAX) return;
    await new Promise((resolve) => setTimeout(resolve, RECORD_MS));
  }
}

async function connect(told: Extract<Told, { what: 'connect' }>): Promise<Outcome> {
  const { id, to, transport, hold, settles, fallback } = told;
  const before = performance.now();
  const stream = await instance.connect(to, { transport, fallback });
  await carry(stream);
  const tookMs = performance.now() - before;
  let movedMs: number | undefined;
  stream.once('path', () => {
    movedMs = performance.now() - before;
  });
  if (hold) {
    const paths: string[] = [];
    stream.on('path', ({ path }) => paths.push(path));
    held.set(id, { stream, paths });
  }
  if (settles) await settle(stream);
  let why = 'closed';
  stream.on('error', (error) => {
    why = error.message;
  });
  stream.once('close', () => hold && say({ id, ended: why }));
  // Not destroyed: what is on its way to the other end should arrive there.
  if (!hold) stream.end();
  const { path, connectionId } = stream;
  return { id, path, connectionId, tookMs, movedMs };
}

/** What is sent is compared with what comes back, byte for byte. */
async function talk({ id, held: name, bytes }: Extract<Told, { what: 'talk' }>): Promise<Outcome> {
  const { stream, paths } = held.get(name)!;
  const sent = randomBytes(bytes);
  const before = performance.now();
  const back = takeBack(stream, bytes);
  for (let at = 0; at < bytes && !stream.destroyed; at += TALK_BYTES) {
    if (!stream.write(sent.subarray(at, at + TALK_BYTES))) await Promise.race([once(stream, 'drain'), back]);
  }
  if (!(await back).equals(sent)) throw new Error('other bytes came back than were sent');
  return { id, path: stream.path, paths, tookMs: performance.now() - before };
}

function takeBack(stream: PeerStream, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let left = bytes;
    const closed = () => reject(new Error(`closed ${left} bytes before the end`));
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      left -= chunk.length;
      if (left > 0) return;
      stream.off('data', take).off('close', closed);
      resolve(Buffer.concat(chunks));
    };
    stream.on('data', take).once('close', closed);
  });
}

async function copy({ id, to, transport, bytes, stays }: Extract<Told, { what: 'copy' }>): Promise<Outcome> {
  const way = stays ? ({ upgradeAfterMs: Number.POSITIVE_INFINITY } as const) : ({ fallback: 'late' } as const);
  const stream = await instance.connect(to, { transport, ...way });
  const { path, connectionId } = stream;
  const tookMs = await giveCopy(stream, bytes);
  await once(stream, 'close');
  return { id, path, connectionId, tookMs };
}

async function link({ id, to, transport, present }: Extract<Told, { what: 'link' }>): Promise<Outcome> {
  const type = transport === 'tcp' ? LinkType.TRANSPORT_TCP : LinkType.TRANSPORT_UDP;
  const network = await instance.watchNetwork().current();
  const isSo = () => network.graph.hasLink(instance.session!.cvid, to, type) === present;
  await new Promise<void>((resolve) => {
    network.on('position', () => isSo() && resolve());
    if (isSo()) resolve();
  });
  network.close();
  return { id };
}

async function punching({ id }: Told): Promise<Outcome> {
  for (;;) {
    for await (const { state } of instance.listConnections()) if (state === ConnectionState.PUNCHING) return { id };
    await new Promise((resolve) => setTimeout(resolve, RECORD_MS));
  }
}

/** Past the client, which would never ask for such a thing. */
async function claim({ id, to, hosts }: Extract<Told, { what: 'claim' }>): Promise<Outcome> {
  const { token } = await instance.attached();
  const metadata = new Metadata();
  metadata.set('switchyard-session', token);
  const candidates = hosts.map((host) => ({ host, port: 4000, type: 2, priority: 1 }));
  const request = DirectConnectionRequest.create({ cvid: to, type: 1, candidates, publicKey: Buffer.alloc(44) });
  const client = new NetworkServiceClient(server, credentials.createInsecure());
  const refused = await new Promise<ServiceError | null>((resolve) => {
    client.directConnection(request, metadata, (error) => resolve(error));
  });
  client.close();
  return refused ? { id, error: refused.details } : { id };
}

function carryOut(told: Told): Promise<Outcome> {
  switch (told.what) {
    case 'connect':
      return connect(told);
    case 'copy':
      return copy(told);
    case 'talk':
      return talk(told);
    case 'link':
      return link(told);
    case 'punching':
      return punching(told);
    case 'claim':
      return claim(told);
  }
}

process.on('message', (told: Told) => {
  carryOut(told)
    .catch((error: unknown): Outcome => ({ id: told.id, error: String(error) }))
    .then(say);
});

const { cvid } = await instance.attached();
process.send!({ cvid });
