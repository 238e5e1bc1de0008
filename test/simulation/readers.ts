import type { Position } from '../../gen/switchyard/v1/position.js';
import { SwitchyardError } from '../../src/client/error.js';
import type { Network } from '../../src/client/network.js';
import { StatusCode } from '../../src/client/status.js';
import { ClosedHistory } from './checks/closed.js';
import { History, type Wish } from './checks/history.js';
import { StreamsHistory } from './checks/streams.js';
import { takeMessage } from './checks/watch.js';
import type { Host, Reader } from './host.js';
import { Picture, pictured, picturedNode } from './picture.js';
import type { World } from './world.js';

/** A replica of the client is compared at every so many positions: each comparison writes the whole graph out. */
const COMPARE_EVERY = 8;

interface Found {
  readonly check: string;
  readonly text: string;
}

/** What a watch breaks by must be something that a watch can break by. */
function broke(world: World, name: string): (error: SwitchyardError) => void {
  return (error) => {
    world.trace.note(`${name} breaks: ${error.code} ${error.message}`);
    if (error.code === StatusCode.DATA_LOSS || error.code === StatusCode.INTERNAL) {
      world.verdict.fail('Sound', `${name} broke: ${error.message}`);
    }
  };
}

/** Reads a watch to its end, as slowly as it is told to. */
function read<Message>(
  world: World,
  host: Host,
  name: string,
  watch: (signal: AbortSignal, onBreak: (error: SwitchyardError) => void) => AsyncIterable<Message>,
  taken: { take(message: Message): Found | undefined; lag(): string | undefined },
  paceMs = 0,
): void {
  const { process } = host;
  const stopped = new AbortController();
  let hurry = () => {};
  let hurries = false;
  const hurried = new Promise<void>((resolve) => {
    hurry = () => {
      hurries = true;
      resolve();
    };
  });
  const reader: Reader = { name, idleUntilMs: 0, hurry, stop: () => stopped.abort('stopped'), lag: () => taken.lag() };
  host.readers.add(reader);
  const run = async () => {
    for await (const message of watch(stopped.signal, broke(world, name))) {
      const found = taken.take(message);
      if (found !== undefined) world.verdict.fail(found.check, `${name}: ${found.text}`);
      const idleMs = Math.max(paceMs, reader.idleUntilMs - world.nowMs);
      if (idleMs > 0 && !hurries) await Promise.race([process.wait(idleMs), hurried]);
    }
  };
  run()
    .catch((error: unknown) => {
      const isClosed = error instanceof SwitchyardError && error.code === StatusCode.CANCELLED;
      if (!stopped.signal.aborted && !isClosed) world.verdict.fail('Sound', `${name} ended: ${String(error)}`);
    })
    .finally(() => host.readers.delete(reader));
}

/** Reads the changes of the graph as they come, over every break, and holds all of it against the truth. */
export function readDeltas(world: World, host: Host, wish: Wish, paceMs: number): void {
  const { sids, coalesce } = wish;
  const name = `${host.name} deltas${coalesce ? ' coalesced' : ''}${sids.size > 0 ? ` of ${[...sids]}` : ''}`;
  const history = new History(world.truth, wish);
  let position: Position | undefined;
  read(
    world,
    host,
    name,
    (signal, onBreak) => host.client.watchNetworkDelta({ coalesce, cvids: [...sids], signal, onBreak }),
    {
      take: (message) => {
        position = message.position ?? position;
        return takeMessage(history, message);
      },
      // One that names its nodes hears of the others' revisions with the next bookmark.
      lag: () => (sids.size > 0 ? undefined : lagOf(world, position)),
    },
    paceMs,
  );
}

/** Reads who ends. */
export function readClosed(world: World, host: Host, cvids: readonly number[]): void {
  const history = new ClosedHistory(world.truth, new Set(cvids));
  const watch = (signal: AbortSignal, onBreak: (error: SwitchyardError) => void) =>
    host.client.watchEndpointClosed({ cvids, signal, onBreak });
  read(world, host, `${host.name} ends`, watch, { take: (message) => history.take(message), lag: () => undefined });
}

/** Reads all streams, as an administrator. */
export function readStreams(world: World, host: Host): void {
  const history = new StreamsHistory(world.truth);
  const watch = (signal: AbortSignal, onBreak: (error: SwitchyardError) => void) =>
    host.client.watchStreams({ signal, onBreak });
  read(world, host, `${host.name} streams`, watch, { take: (message) => history.take(message), lag: () => undefined });
}

/** Keeps the client's own replica of the graph, and compares it with the graph as it was at the replica's position. */
export function replicate(world: World, host: Host, coalesce: boolean): void {
  const name = `${host.name} replica`;
  const network = host.client.watchNetwork({ coalesce });
  let positions = 0;
  const compare = () => {
    const { position } = network;
    if (position === undefined) return;
    const picture = pictureOf(network);
    const right = world.truth.pictureAt(Number(position.revision));
    if (picture.hash !== right.hash) {
      const text = `${name} at ${position.revision} ${picture.difference(right)}`;
      world.verdict.fail('Faithful', text);
    }
  };
  network.on('synced', compare);
  network.on('position', () => {
    if (++positions % COMPARE_EVERY === 0) compare();
  });
  network.on('broken', broke(world, name));
  const lag = () => {
    compare();
    return lagOf(world, network.position);
  };
  const reader: Reader = { name, idleUntilMs: 0, hurry: () => {}, stop: () => network.close(), lag };
  host.readers.add(reader);
  void network.ended.then((error) => {
    host.readers.delete(reader);
    if (error !== undefined) world.verdict.fail('Sound', `${name} ended: ${error.message}`);
  });
}

function lagOf(world: World, position: Position | undefined): string | undefined {
  const { epoch, last } = world.truth;
  if (position?.epoch === epoch && Number(position.revision) === last) return undefined;
  return `stands at ${position?.revision}; the network is at ${last}`;
}

function pictureOf({ graph }: Network): Picture {
  const picture = new Picture();
  picture.apply({
    linksRemoved: [],
    nodesRemoved: [],
    nodesAdded: [...graph.nodes()].map((node) => picturedNode({ ...node, labels: { ...node.labels } })),
    linksAdded: [...graph.links()].map(({ cvid1, cvid2, link }) => pictured(cvid1, cvid2, link)),
  });
  return picture;
}
