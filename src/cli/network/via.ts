import { randomUUID } from 'node:crypto';
import type { NetworkDelta } from '../../../gen/switchyard/v1/network.js';
import type { Timer } from '../../base/clock.js';
import { Graph, type GraphView, type Position, WatchKind, type WatchNetworkDeltaResponse } from '../../client/index.js';
import { type EventBody, SystemClient, type SystemError } from '../../system/client/index.js';
import { type ConnectionFlags, readGraph, tlsOptions } from '../connection.js';
import { diagnoseVia } from '../operate/diagnose.js';
import { rootedAt, type Target } from '../peers/probe.js';
import { withReader } from '../reader.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';

/** InstanceType CLIENT: what the session of a command is. */
const CLIENT = 3;
/** The server closes a client that sends nothing for five minutes. */
const KEEP_ALIVE_MS = 60_000;
/** How long the end of the session may take: the user waits for it after Ctrl-C. */
const GOODBYE_MS = 2_000;
/**
 * So many nodes and links wait for the output before nothing more is taken from the server: some messages of a snapshot. What was
 * read already still comes. A message counts as one at least.
 */
const WAITING_MAX = 4_096;
/** Pieces of one revision: of a node with links to everybody, in a network of a million nodes. A server that says more is wrong. */
const PIECES_MAX = 16_384;

/** The options of commands that can read the graph by system events, too. */
export interface GraphFlags extends ConnectionFlags {
  /** `tcp://`, `tls://`, `ws://` or `wss://`. Absent: over gRPC. */
  readonly via?: string;
}

/** The graph as it stands, and where: over gRPC, or by system events where the command line says so. */
export function graphOf(
  flags: GraphFlags,
  surroundings: Surroundings,
): Promise<{ readonly graph: GraphView; readonly position: Position }> {
  const { via } = flags;
  if (via !== undefined) return readGraphVia(via, flags, surroundings);
  return withReader(flags, surroundings, (yard) => readGraph(yard, surroundings.signal));
}

/** Reads the snapshot and ends the session. Its own node is left out, since it is gone when this resolves. */
async function readGraphVia(url: string, flags: ConnectionFlags, surroundings: Surroundings) {
  const graph = new Graph();
  let position: Position | undefined;
  for await (const message of snapshotVia(url, flags, surroundings)) {
    for (const delta of message.deltas) graph.apply(delta);
    position = message.position;
  }
  return { graph, position: position! };
}

/**
 * The messages of the snapshot by system events, up to its end, as they are taken: a server whose snapshot is read slowly waits
 * with the rest. The session ends with it, so its own node and links are left out.
 */
export async function* snapshotVia(
  url: string,
  flags: ConnectionFlags,
  surroundings: Surroundings,
): AsyncGenerator<WatchNetworkDeltaResponse, void> {
  const watch = await SystemWatch.open(url, flags, surroundings);
  try {
    for (;;) {
      const message = await watch.next();
      yield { ...message, deltas: message.deltas.map((delta) => withoutNode(delta, watch.sid)) };
      if (message.kind === WatchKind.SNAPSHOT_END) return;
    }
  } finally {
    await watch.close();
  }
}

type Ends = { readonly cvid1: number; readonly cvid2: number };

function withoutNode(delta: NetworkDelta, sid: number): NetworkDelta {
  const isOther = ({ cvid }: { readonly cvid: number }) => cvid !== sid;
  const isOfOthers = ({ cvid1, cvid2 }: Ends) => cvid1 !== sid && cvid2 !== sid;
  return { ...delta, nodeAdded: delta.nodeAdded.filter(isOther), linkAdded: delta.linkAdded.filter(isOfOthers) };
}

/**
 * The graph's changes by system events, in the form in which gRPC has them, until the signal is aborted. Unlike a watch
 * over gRPC it does not reconnect, and it is a session, so it shows its own node, too.
 */
export async function* watchVia(
  url: string,
  flags: ConnectionFlags,
  surroundings: Surroundings,
): AsyncGenerator<WatchNetworkDeltaResponse, never> {
  const watch = await SystemWatch.open(url, flags, surroundings);
  try {
    for (;;) yield await watch.next();
  } finally {
    await watch.close();
  }
}

/** A session of system events that only watches. What is not taken from it in time waits at the server. */
class SystemWatch {
  sid = 0;
  private readonly waiting: WatchNetworkDeltaResponse[] = [];
  private waitingCount = 0;
  private pieces: NetworkDelta[] = [];
  private wake: () => void = () => {};
  private failure: Error | undefined;
  /** Nothing more is wanted, but for the answer to the goodbye. */
  private isClosing = false;

  private constructor(
    private readonly client: SystemClient,
    private readonly surroundings: Surroundings,
  ) {}

  static async open(url: string, flags: ConnectionFlags, surroundings: Surroundings): Promise<SystemWatch> {
    const asked = tlsOptions(flags, surroundings);
    let watch: SystemWatch | undefined;
    const networkDelta = (delta: EventBody<'NetworkDelta'>) => watch?.take(delta);
    const target = targetOf(url, asked);
    const { clock } = surroundings;
    const isPinned = target.tls !== undefined && target.tls !== true && target.tls.pins !== undefined;
    const tls = isPinned
      ? await rootedAt(target.address, asked!).catch(async (error: Error) =>
          Promise.reject(await diagnoseVia(error, url, target, clock)),
        )
      : asked;
    const client = await SystemClient.connect(url, { networkDelta }, tls).catch(async (error: Error) =>
      Promise.reject(await diagnoseVia(error, url, target, clock)),
    );
    watch = new SystemWatch(client, surroundings);
    void client.closed.then((why: SystemError | undefined) =>
      watch?.fail(new Failure(why === undefined ? `${url} closed the connection` : `the server says: ${why.message}`)),
    );
    if (surroundings.signal.aborted) watch.fail(surroundings.signal.reason);
    surroundings.signal.addEventListener('abort', () => watch?.fail(surroundings.signal.reason));
    await watch.begin().catch(async (error: SystemError) => {
      // Nobody else has it, and a server that only refuses may keep it open.
      client.close();
      if (error.reason !== undefined) throw new Failure(`the server says: ${error.message} (${error.reason})`);
      throw await diagnoseVia(error, url, target, clock);
    });
    return watch;
  }

  /** The next message. Rejects when there will be none; at once when nobody wants more, although a busy network has more. */
  async next(): Promise<WatchNetworkDeltaResponse> {
    this.surroundings.signal.throwIfAborted();
    while (this.waiting.length === 0) {
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const message = this.waiting.shift()!;
    if (this.waiting.length === 0) {
      this.waitingCount = 0;
      this.client.resume();
    }
    return message;
  }

  /** Ends the session. Resolves when the server has closed the connection, or after {@link GOODBYE_MS}. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.waiting.length = 0;
    this.client.resume();
    const over = this.client.ask('TerminateSession', {}).then(() => this.client.closed);
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.surroundings.clock.after(GOODBYE_MS, resolve);
    });
    await Promise.race([over, late]).catch(() => {});
    timer?.cancel();
    this.client.close();
  }

  private async begin(): Promise<void> {
    const body = { instanceUuid: randomUUID(), instanceType: CLIENT, name: 'switchyard', watch: { deltas: true } };
    this.sid = (await this.client.ask('Session', body)).instanceSid;
    this.keepAlive();
  }

  private keepAlive(): void {
    const timer = this.surroundings.clock.after(KEEP_ALIVE_MS, () => {
      this.client.ask('KeepAlive', {}).catch((error) => this.fail(error));
      this.keepAlive();
    });
    void this.client.closed.then(() => timer.cancel());
  }

  /** Joins the pieces of a revision into one message. */
  private take(delta: EventBody<'NetworkDelta'>): void {
    if (this.isClosing) return;
    const { kind, position, more } = delta;
    if (kind === WatchKind.DELTA || kind === WatchKind.SNAPSHOT) this.pieces.push(messageOf(delta));
    if (this.pieces.length > PIECES_MAX) this.fail(new Failure('the server says one revision in too many pieces'));
    if (more === true) return;
    const deltas = this.pieces.length > 1 ? [merged(this.pieces)] : this.pieces;
    this.pieces = [];
    const at = { ...position, revision: BigInt(position.revision) };
    this.waiting.push({ kind, position: at, deltas, committedAt: undefined });
    this.waitingCount += 1 + deltas.reduce((sum, one) => sum + one.nodeAdded.length + one.linkAdded.length, 0);
    if (this.waitingCount >= WAITING_MAX) this.client.pause();
    this.wake();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.pieces = [];
    this.wake();
  }
}

const SCHEMES = { tcp: 'system', tls: 'system', ws: 'websocket', wss: 'websocket' } as const;
const DEFAULT_PORTS = { tcp: '', tls: '', ws: '80', wss: '443' } as const;

/** The address and the protocol of a URL. */
function targetOf(text: string, tls: Target['tls']): Target {
  const found = /^(tcp|tls|ws|wss):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/?#@]+))(?::(\d{1,5}))?(?:[/?#].*)?$/.exec(
    text,
  );
  const [, scheme, v6, name, port] = found ?? [];
  const number = Number(port ?? (scheme === undefined ? '' : DEFAULT_PORTS[scheme as keyof typeof DEFAULT_PORTS]));
  if (!(number > 0 && number <= 65_535)) {
    throw new UsageError(
      `--via: ${JSON.stringify(text)} must be tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT or wss://HOST:PORT`,
    );
  }
  const isSecure = scheme === 'tls' || scheme === 'wss';
  return {
    address: { host: v6 ?? name, port: number },
    tls: isSecure ? (tls ?? true) : undefined,
    speaks: SCHEMES[scheme as keyof typeof SCHEMES],
  };
}

function messageOf(delta: EventBody<'NetworkDelta'>): NetworkDelta {
  const { nodeAdded = [], nodeRemoved = [], linkAdded = [], linkRemoved = [] } = delta;
  return {
    nodeAdded: nodeAdded.map(({ cvid, parent = 0, instanceUuid = '', name = '', labels = [] }) => {
      const entries = labels.map(({ key, value }) => [key, value]);
      return { cvid, parent, instanceUuid, name, labels: Object.fromEntries(entries) };
    }),
    nodeRemoved: [...nodeRemoved],
    linkAdded: linkAdded.map(({ cvid1, cvid2, link = 0 }) => ({ cvid1, cvid2, link })),
    linkRemoved: linkRemoved.map(({ cvid1, cvid2, link }) => ({ cvid1, cvid2, link })),
  };
}

function merged(pieces: readonly NetworkDelta[]): NetworkDelta {
  return {
    nodeAdded: pieces.flatMap(({ nodeAdded }) => nodeAdded),
    nodeRemoved: pieces.flatMap(({ nodeRemoved }) => nodeRemoved),
    linkAdded: pieces.flatMap(({ linkAdded }) => linkAdded),
    linkRemoved: pieces.flatMap(({ linkRemoved }) => linkRemoved),
  };
}
