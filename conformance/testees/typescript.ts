// The TypeScript client as a testee of conformance/: node --import ./harness/typescript.mjs conformance/testees/typescript.ts HOST:PORT [NETWORK]
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import {
  CloseReason,
  type Instance,
  type InstanceOptions,
  type Network,
  type PeerStream,
  Reason,
  type ReasonName,
  Refusal,
  type RelaySink,
  type RelaySource,
  SigningKey,
  StatusCode,
  Switchyard,
  SwitchyardError,
  WatchKind,
} from '../../src/client/index.js';
import { PeerEnd } from './peer-end.js';

// biome-ignore lint/suspicious/noExplicitAny: each command knows its own fields, and a wrong one fails the case
type Fields = any;

const CAN = [
  'join',
  'orders',
  'replica',
  'streams',
  'calls',
  'proof',
  'relayed',
  'direct',
  'moves',
  'network',
  'servers',
  'closed',
];

const [, , server, network] = process.argv;
const yard = new Switchyard({ server: server.split(','), network });
const instances = new Map<string, Instance>();
const networks = new Map<string, Network>();
const sources = new Map<string, RelaySource>();
const sinks = new Map<string, AsyncIterator<Uint8Array>>();
const peers = new Map<string, PeerEnd>();
const paths = new Map<string, PeerStream>();

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function found<Item>(items: ReadonlyMap<string, Item>, name: string): Item {
  const item = items.get(name);
  if (item === undefined) throw new Error(`there is no ${name}`);
  return item;
}

/** An error as the suite writes it. */
function errorFields(error: unknown) {
  if (!(error instanceof SwitchyardError)) return { code: '', reason: '', message: String(error), fields: [] };
  const code = Object.entries(StatusCode).find(([, number]) => number === error.code)?.[0];
  const fields = error.violations.map(({ field }) => field);
  return { code, reason: error.reason ?? '', message: error.message, fields };
}

function join({ as, uuid, type, name, labels, ttlMs, reopen, key }: Fields): void {
  const options: InstanceOptions = {
    ...{ uuid, type, name, labels, ttlMs, reopen },
    key: key === undefined ? undefined : SigningKey.fromSecret(Buffer.from(key, 'hex')),
    handlers: {
      terminate: async (reason) => say({ event: 'terminate', as, reason }),
    },
  };
  const instance = yard.join(options);
  instances.set(as, instance);
  instance.on('opened', ({ cvid }) => say({ event: 'opened', as, cvid }));
  instance.on('attached', ({ cvid, identity }) =>
    say({ event: 'attached', as, cvid, proved: identity !== undefined, ttlMs: instance.session?.ttlMs }),
  );
  instance.on('broken', (error, delayMs) => say({ event: 'broken', as, ...errorFields(error), delayMs }));
  instance.on('lost', (error) => say({ event: 'lost', as, ...errorFields(error) }));
  instance.on('streamStopped', ({ id }) => say({ event: 'streamStopped', as, id }));
  void instance.ended.then((error) =>
    say({ event: 'ended', as, ...(error === undefined ? { code: 'OK', reason: '' } : errorFields(error)) }),
  );
}

/** Answers orders for connections: with success, or as `refuse` says. */
function answerOrders({ as, refuse }: Fields): void {
  found(instances, as).handlers.connection = async ({ peerCvid, port }) => {
    say({ event: 'connection', as, peer: peerCvid, port });
    if (refuse !== undefined) throw new Refusal(refuse.reason as ReasonName, refuse.description);
    return undefined;
  };
}

/** Takes every connection that a peer asks for, and says back what comes. */
function acceptPeers({ as }: Fields): void {
  const { handlers } = found(instances, as);
  handlers.accept = () => true;
  handlers.accepted = (stream: PeerStream) => {
    say({ event: 'accepted', as, peer: stream.peerCvid, path: stream.path, endToEnd: stream.endToEnd });
    stream.on('error', (error) => say({ event: 'peerFailed', as, message: String(error) }));
    stream.pipe(stream);
  };
}

function watch({ as }: Fields): void {
  const network = yard.watchNetwork();
  networks.set(as, network);
  network.on('synced', () => say({ event: 'synced', as }));
  network.on('nodeAdded', ({ name, cvid }) => say({ event: 'nodeAdded', as, name, cvid }));
  network.on('nodeRemoved', ({ name, cvid }) => say({ event: 'nodeRemoved', as, name, cvid }));
  network.on('broken', (error, delayMs) => say({ event: 'broken', as, ...errorFields(error), delayMs }));
  void network.ended.then((error) => say({ event: 'ended', as, ...(error ? errorFields(error) : { code: 'OK' }) }));
}

/** Tells the sessions that end, and how far what it told goes back. */
async function tellClosed(as: string): Promise<void> {
  for await (const { kind, endpointClosed: closed, committedAt } of yard.watchEndpointClosed()) {
    if (kind === WatchKind.BOOKMARK) say({ event: 'bookmark', as, dated: committedAt !== undefined });
    if (closed === undefined) continue;
    const { cvid, instanceUuid: uuid, name, reason } = closed;
    say({ event: 'closed', as, cvid, uuid, name, reason: CloseReason[reason] });
  }
}

function picture({ as }: Fields) {
  const { graph } = found(networks, as);
  return { names: [...graph.nodes()].map(({ name }) => name).sort(), links: graph.size.links };
}

async function createStream({ as, sinks: sinkCvids, confirmed, nameBytes = 0, maxBlockBytes = 0 }: Fields) {
  const settings = { deliveryConfirmation: confirmed ?? false, name: 'x'.repeat(nameBytes), maxBlockBytes };
  const { stream } = await found(instances, as).createStream(sinkCvids, settings);
  return { id: stream.id, branches: stream.sinks.map(({ id }) => id), branch: stream.sinks[0].id };
}

async function openSource({ as, id, stream, blocks }: Fields) {
  const source = await found(instances, as).openSource(id, { blocks });
  sources.set(stream, source);
  return { confirmed: source.confirmedBlocks };
}

async function openSink({ as, id, stream, blocks }: Fields) {
  const sink: RelaySink = await found(instances, as).openSink(id, { blocks });
  sinks.set(stream, sink[Symbol.asyncIterator]());
  return { taken: sink.takenBlocks };
}

/** Reads so many blocks, or all up to the end; of large ones their sizes. */
async function read({ stream, count = Number.POSITIVE_INFINITY, sizes = false }: Fields) {
  const sink = found(sinks, stream);
  const blocks: (string | number)[] = [];
  while (blocks.length < count) {
    const { done, value } = await sink.next();
    if (done) return { blocks, ended: true };
    blocks.push(sizes ? value.length : Buffer.from(value).toString());
  }
  return { blocks, ended: false };
}

async function connectTo({ as, cvid, stream: name, direct, moves, upgradeAfter = 5 }: Fields) {
  const stays = direct ? ({ fallback: 'none' } as const) : { relayOnly: true };
  const stream = await found(instances, as).connect(cvid, moves ? { upgradeAfterMs: upgradeAfter * 1000 } : stays);
  peers.set(name, new PeerEnd(stream));
  paths.set(name, stream);
  return { path: stream.path, endToEnd: stream.endToEnd };
}

/** Waits until a connection goes over a direct path. */
async function moved({ stream: name }: Fields) {
  const stream = found(paths, name);
  if (stream.path !== 'direct') await once(stream, 'path');
  return { path: stream.path };
}

const COMMANDS: Readonly<Record<string, (fields: Fields) => unknown>> = {
  join,
  leave: ({ as }) => found(instances, as).leave(),
  detach: ({ as }) => found(instances, as).detach(),
  state: ({ as }) => ({ state: found(instances, as).state }),
  answerOrders,
  acceptPeers,
  watchClosed: ({ as }) => {
    tellClosed(as).catch((error: unknown) => say({ event: 'ended', as, ...errorFields(error) }));
  },
  watch,
  picture,
  current: async (fields) => {
    await found(networks, fields.as).current();
    return picture(fields);
  },
  unwatch: ({ as }) => found(networks, as).close(),
  getNode: async ({ cvid }) => {
    const { node } = await yard.getNode(cvid);
    return { name: node.name };
  },
  createStream,
  terminateStream: ({ as, id }) =>
    found(instances, as)
      .terminateStream(id)
      .then(() => undefined),
  openSource,
  openSink,
  read,
  write: async ({ stream, blocks }) => {
    for (const block of blocks) await found(sources, stream).write(Buffer.from(block));
  },
  writeLarge: ({ stream, bytes }) => found(sources, stream).write(Buffer.alloc(bytes, 'x')),
  finish: ({ stream }) => found(sources, stream).finish(),
  reasons: () => ({ count: Object.keys(Reason).length }),
  connect: connectTo,
  moved,
  send: ({ stream, text }) => found(peers, stream).send(text),
  endWriting: ({ stream }) => found(peers, stream).endWriting(),
  receive: async ({ stream, length }) => ({ text: await found(peers, stream).receive(length) }),
  receiveEnd: async ({ stream }) => ({ rest: await found(peers, stream).receiveEnd() }),
};

async function carryOut(line: string): Promise<void> {
  const { seq, do: command, ...fields } = JSON.parse(line) as Fields;
  try {
    const run = COMMANDS[command];
    if (run === undefined) throw new Error(`there is no command ${command}`);
    say({ seq, ok: (await run(fields)) ?? {} });
  } catch (error) {
    say({ seq, error: errorFields(error) });
  }
}

say({ testee: 'typescript', can: CAN });
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void carryOut(line));
lines.once('close', async () => {
  for (const network of networks.values()) network.close();
  await yard.close();
});
