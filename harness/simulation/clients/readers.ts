import type { Position } from '../../../gen/switchyard/v1/position.js';
import { SwitchyardError } from '../../../src/client/error.js';
import type { Network } from '../../../src/client/network.js';
import { StatusCode } from '../../../src/client/status.js';
import { ClosedHistory } from '../checks/closed.js';
import { History, type Wish } from '../checks/history.js';
import { StreamsHistory } from '../checks/streams.js';
import { takeMessage } from '../checks/watch.js';
import type { Found } from '../verdict.js';
import type { Member, Onlooker } from './fleet.js';
import { Picture, pictured, picturedNode } from './picture.js';

/** A replica of the client is compared at every so many positions: each comparison writes the whole graph out. */
const COMPARE_EVERY = 8;

/** Something that reads a watch on a host. */
export interface Reader {
  /** What it reads, for reports. */
  readonly name: string;
  /** Reads nothing until then. */
  idleUntilMs: number;
  /** From now on it reads whatever comes at once, also when it is idling. */
  hurry(): void;
  stop(): void;
  /** What it lacks of what is told up to the network's last position; undefined when it has everything. */
  lag(last: Position): string | undefined;
}

/** What a watch breaks by must be something that a watch can break by. */
function broke(onlooker: Onlooker, name: string): (error: SwitchyardError) => void {
  return (error) => {
    onlooker.note(`${name} breaks: ${error.code} ${error.message}`);
    if (error.code === StatusCode.DATA_LOSS || error.code === StatusCode.INTERNAL) {
      onlooker.verdict.fail('Sound', `${name} broke: ${error.message}`);
    }
  };
}

/** A watch, and what judges each of its messages. */
interface Reading<Message> {
  readonly name: string;
  watch(signal: AbortSignal, onBreak: (error: SwitchyardError) => void): AsyncIterable<Message>;
  take(message: Message): Found | undefined;
  /** Whether its position is always the network's when all is quiet. */
  readonly tellsAll: boolean;
  readonly paceMs: number;
}

/** Reads a watch to its end, as slowly as it is told to. */
function read<Message extends { readonly position?: Position | undefined }>(
  onlooker: Onlooker,
  member: Member,
  { name, watch, take, tellsAll, paceMs }: Reading<Message>,
): void {
  const stopped = new AbortController();
  let position: Position | undefined;
  let hurry = () => {};
  let hurries = false;
  const hurried = new Promise<void>((resolve) => {
    hurry = () => {
      hurries = true;
      resolve();
    };
  });
  const lag = (last: Position) => (tellsAll ? lagOf(position, last) : undefined);
  const reader: Reader = { name, idleUntilMs: 0, hurry, stop: () => stopped.abort('stopped'), lag };
  member.readers.add(reader);
  const run = async () => {
    for await (const message of watch(stopped.signal, broke(onlooker, name))) {
      position = message.position ?? position;
      onlooker.judge(name, () => take(message));
      const idleMs = Math.max(paceMs, reader.idleUntilMs - onlooker.nowMs);
      if (idleMs > 0 && !hurries) await Promise.race([member.wait(idleMs), hurried]);
    }
  };
  run()
    .catch((error: unknown) => {
      const isClosed = error instanceof SwitchyardError && error.code === StatusCode.CANCELLED;
      if (!stopped.signal.aborted && !isClosed) onlooker.verdict.fail('Sound', `${name} ended: ${String(error)}`);
    })
    .finally(() => member.readers.delete(reader));
}

/** Reads the changes of the graph as they come, over every break, and holds all of it against the truth. */
export function readDeltas(onlooker: Onlooker, member: Member, wish: Wish, paceMs: number): void {
  const { sids, coalesce } = wish;
  const history = new History(onlooker.truth, wish);
  read(onlooker, member, {
    name: `${member.name} deltas${coalesce ? ' coalesced' : ''}${sids.size > 0 ? ` of ${[...sids]}` : ''}`,
    watch: (signal, onBreak) => member.client.watchNetworkDelta({ coalesce, cvids: [...sids], signal, onBreak }),
    take: (message) => takeMessage(history, message),
    // One that names its nodes hears of the others' revisions with the next bookmark.
    tellsAll: sids.size === 0,
    paceMs,
  });
}

/** Reads who ends. */
export function readClosed(onlooker: Onlooker, member: Member, cvids: readonly number[]): void {
  const history = new ClosedHistory(onlooker.truth, new Set(cvids));
  read(onlooker, member, {
    name: `${member.name} ends`,
    watch: (signal, onBreak) => member.client.watchEndpointClosed({ cvids, signal, onBreak }),
    take: (message) => history.take(message),
    tellsAll: false,
    paceMs: 0,
  });
}

/** Reads all streams, as an administrator. */
export function readStreams(onlooker: Onlooker, member: Member): void {
  const history = new StreamsHistory(onlooker.truth);
  read(onlooker, member, {
    name: `${member.name} streams`,
    watch: (signal, onBreak) => member.client.watchStreams({ signal, onBreak }),
    take: (message) => history.take(message),
    tellsAll: false,
    paceMs: 0,
  });
}

/** Keeps the client's own replica of the graph, and compares it with the graph as it was at the replica's position. */
export function replicate(onlooker: Onlooker, member: Member, coalesce: boolean): void {
  const { truth } = onlooker;
  const name = `${member.name} replica`;
  const network = member.client.watchNetwork({ coalesce });
  let positions = 0;
  const compare = () => {
    if (network.position === undefined) return;
    const revision = Number(network.position.revision);
    const picture = pictureOf(network);
    onlooker.judge(name, () => {
      if (revision > truth.last) return { check: 'Durable', text: `stands at ${revision}; ${truth.last} is durable` };
      const right = truth.pictureAt(revision);
      if (picture.hash === right.hash) return undefined;
      return { check: 'Faithful', text: `at ${revision} ${picture.difference(right)}` };
    });
  };
  network.on('synced', compare);
  network.on('position', () => {
    if (++positions % COMPARE_EVERY === 0) compare();
  });
  network.on('broken', broke(onlooker, name));
  const lag = (last: Position) => {
    compare();
    return lagOf(network.position, last);
  };
  const reader: Reader = { name, idleUntilMs: 0, hurry: () => {}, stop: () => network.close(), lag };
  member.readers.add(reader);
  void network.ended.then((error) => {
    member.readers.delete(reader);
    if (error !== undefined) onlooker.verdict.fail('Sound', `${name} ended: ${error.message}`);
  });
}

function lagOf(position: Position | undefined, last: Position): string | undefined {
  if (position?.epoch === last.epoch && position.revision >= last.revision) return undefined;
  return `stands at ${position?.revision}; the network is at ${last.revision}`;
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
