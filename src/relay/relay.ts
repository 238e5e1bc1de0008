import type { Clock, Random, Timer } from '../base/clock.js';
import type { Change, StreamStopped } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import { StopReason, type Stream } from '../core/model/stream.js';
import type { StateView } from '../core/store/state-view.js';
import { Channel, type ChannelDeps } from './channel.js';
import type { SinkEnd, SourceEnd } from './end.js';
import type { RelayLimits } from './limits.js';
import { type QuotaOf, RATE_CHANGES, RelayMeter } from './meter.js';
import { RelayedBytes, type RelayedShare } from './relayed-bytes.js';
import { type BranchRequest, type DialBranch, RemoteBranch, reopen } from './remote-branch.js';

/** Bytes of a channel's number: of two channels of one stream, one in 280 million million has the number of the other. */
const CHANNEL_BYTES = 6;
/** How often in `sinkStallMs` stalled sinks are looked for: one is cut off at its bound and not much later. */
const LOOKS_PER_STALL = 8;

/** An end of a stream that was opened. */
export interface OpenedEnd {
  readonly stream: Stream;
  readonly end: SourceEnd | SinkEnd;
  /** The number of the channel that it is an end of: another one after a restart. Undefined while another server has not said it. */
  readonly channel: bigint | undefined;
}

/** What comes of a branch that another server asks for. `elsewhere`: the channel is not here, or the sink's session is not there. */
export type PeerOutcome = Fault | OpenedEnd | 'elsewhere';

/** What came of a command. */
export interface AppliedChanges {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** Where the channels of streams are, in a network of several servers. */
export interface ChannelPlaces {
  /** Whether the channel of a stream is at another server. */
  isElsewhere(stream: Stream): boolean;
  /** Whether a session is at this server, or at the one of this name. */
  isAt(sid: number, server?: string): boolean;
  /** Dials that server. */
  dial(stream: Stream, ...branch: Parameters<DialBranch>): ReturnType<DialBranch>;
  /** Waits until everything is applied here that was acknowledged anywhere before; a refusal where that takes too long. */
  current(): Promise<Fault | undefined>;
  /** Resolves when the servers of these sessions deliver by this revision; undefined: no other server is theirs. */
  reached(sids: ReadonlySet<number>, revision: number): Promise<void> | undefined;
}

/** What the relay needs of the replica. */
export interface Registry {
  readonly state: StateView;
  /** The stream carried data: its idle time begins anew. */
  used(streamId: number): void;
  submit(command: Command): Promise<unknown>;
}

/**
 * The data of all streams, whichever doors their ends came through.
 *
 * The registry of streams is the core's; this only holds what is on its way. A stream that stops there stops here in the
 * same turn, before anybody is told that it has: so nothing is delivered after an OK.
 */
export class Relay {
  private readonly channels = new Map<number, Channel>();
  /** Sinks' ends here of channels at other servers, by branch. */
  private readonly remote = new Map<number, RemoteBranch>();
  /** Of each end that waits until this server is current, by its session and id, the newest call for it. */
  private readonly waiting = new Map<string, symbol>();
  /** Undefined where there are no other servers. */
  places: ChannelPlaces | undefined;
  private readonly deps: ChannelDeps;
  private readonly share: RelayedShare;
  private totalBytes = 0;
  private readonly meter: RelayMeter;
  private timer: Timer | undefined;
  /** Why no end can be opened any more. */
  private ending: Fault | undefined;

  constructor(
    private readonly registry: Registry,
    private readonly clock: Clock,
    private readonly limits: RelayLimits,
    random: Random,
    /** What the relays of all networks hold together; by default this one's alone. */
    inAll = new RelayedBytes(limits.totalBytesMax),
    quotaOf: QuotaOf = () => undefined,
  ) {
    this.share = inAll.join(this.wakeSources);
    this.meter = new RelayMeter(clock, quotaOf);
    this.deps = {
      limits,
      nowMs: () => clock.nowMs(),
      held: (bytes) => this.held(bytes),
      isFull: () => this.share.isFull,
      meter: this.meter,
      used: (id) => registry.used(id),
      draw: () => BigInt(Buffer.from(random.bytes(CHANNEL_BYTES)).readUIntBE(0, CHANNEL_BYTES)) + 1n,
    };
    this.scheduleStalls();
  }

  private readonly wakeSources = () =>
    this.clock.soon(() => {
      for (const channel of this.channels.values()) channel.wakeSource();
    });

  /** Bytes on their way, for metrics. */
  get byteSize(): number {
    return this.totalBytes;
  }

  /** Bytes that have come from sources, for metrics. */
  get bytesIn(): number {
    return this.meter.taken;
  }

  /** Bytes that sinks were given, for metrics: of a block once for each sink, and again where it was repeated. */
  get bytesOut(): number {
    return this.meter.given;
  }

  /** Streams with data or an end, for metrics. */
  get channelCount(): number {
    return this.channels.size;
  }

  /**
   * Opens an end of a stream for a session: the source's by the stream's id, a sink's by its branch's. What is not the
   * session's does not exist. `blocks`: where the end stands, when it knows.
   */
  open(sid: number, id: number, blocks?: number): Fault | OpenedEnd {
    if (this.ending !== undefined) return this.ending;
    const stream = this.registry.state.streams.get(id);
    const sink = stream?.sinks.find((one) => one.id === id && one.sid === sid);
    const isSource = stream !== undefined && stream.id === id && stream.owner === sid;
    if (stream === undefined || (sink === undefined && !isSource)) {
      return new Fault('STREAM_NOT_FOUND', `no stream ${id}`);
    }
    if (isSource && stream.sinks.length === 0) {
      return new Fault('OUT_OF_ORDER', `stream ${id} is the session's own; it has no sinks to relay to`);
    }
    this.waiting.delete(endName(sid, id));
    if (this.places?.isElsewhere(stream)) {
      if (isSource || !this.places.isAt(sid)) return reopen('the session is at another server');
      return this.openRemote(stream, { sid, branchId: id, blocks });
    }
    const channel = this.channelOf(stream);
    const end = isSource ? channel.openSource(blocks) : channel.openSink(id, blocks);
    return end instanceof Fault ? end : { stream, end, channel: channel.number };
  }

  /**
   * The same for a client, whom a refusal makes give up: it comes only once everything is applied here that was acknowledged anywhere.
   * A server that is behind may have a channel that has gone on elsewhere, or not know the stream yet. What is given up by its `signal`
   * meanwhile opens nothing.
   */
  openCurrently(
    ...[sid, id, blocks, signal]: [sid: number, id: number, blocks?: number, signal?: AbortSignal]
  ): Fault | OpenedEnd | Promise<Fault | OpenedEnd> {
    return this.currently({ sid, id }, () => this.open(sid, id, blocks), signal);
  }

  /**
   * Opens a sink's end for the server of this name, and refuses as {@link openCurrently} does. A server that does not know yet that the
   * session has left it would take the branch from the one that has it.
   */
  openForPeer(request: BranchRequest, server: string, signal?: AbortSignal): PeerOutcome | Promise<PeerOutcome> {
    const end = { sid: request.sid, id: request.branchId };
    return this.currently(end, () => this.openForPeerNow(request, server), signal);
  }

  private openForPeerNow({ sid, branchId, blocks }: BranchRequest, server: string): PeerOutcome {
    const stream = this.registry.state.streams.get(branchId);
    if (stream !== undefined && this.places?.isElsewhere(stream)) return 'elsewhere';
    if (this.places?.isAt(sid, server) === false) return 'elsewhere';
    if (stream?.id === branchId) return new Fault('STREAM_NOT_FOUND', `no branch ${branchId}`);
    return this.open(sid, branchId, blocks);
  }

  /**
   * What is refused for good has changed nothing, and is tried once more when this server is current; but not for a call that was given up
   * meanwhile, or after which another one came for the same end, as it does where the older one died without a word: the end that it opened
   * would take the stream from the newer call.
   */
  private currently<T>(
    { sid, id }: { readonly sid: number; readonly id: number },
    attempt: () => T | Fault,
    signal?: AbortSignal,
  ): T | Fault | Promise<T | Fault> {
    const outcome = attempt();
    const { places, waiting } = this;
    const isForGood = outcome instanceof Fault && outcome.retryAfterMs === undefined && this.ending === undefined;
    if (!isForGood || places === undefined) return outcome;
    const end = endName(sid, id);
    const call = Symbol(end);
    waiting.set(end, call);
    return places.current().then((behind) => {
      const isNewest = waiting.get(end) === call;
      if (isNewest) waiting.delete(end);
      if (behind !== undefined) return behind;
      if (signal?.aborted) return outcome;
      return isNewest ? attempt() : new Fault('OUT_OF_ORDER', `${id} has been opened again meanwhile`);
    });
  }

  /** Told of every command that was applied, as a feed is. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (RATE_CHANGES.has(change.kind)) this.meter.renewRates();
      if (change.kind === 'StreamStopped') this.stopped(change);
      else if (change.kind === 'StreamPut') this.changed(change.stream);
      else if (change.kind === 'SessionMoved') this.moved(change.session.sid);
    }
  }

  /**
   * Resolves when nothing is delivered any more, at any server, of streams that have stopped in these changes. Undefined: that is so.
   * Whoever answers that a stream has stopped waits for it.
   */
  settled({ revision, changes }: AppliedChanges): Promise<void> | undefined {
    if (this.places === undefined) return undefined;
    const sids = new Set<number>();
    for (const change of changes) {
      if (change.kind !== 'StreamStopped') continue;
      for (const sid of [change.before.owner, ...change.before.sinks.map((sink) => sink.sid)]) sids.add(sid);
    }
    return sids.size === 0 ? undefined : this.places.reached(sids, revision);
  }

  /** A session may be at another server from now on, or here: the channels of its streams go with it. */
  moved(sid: number): void {
    if (this.places?.isAt(sid) === false) {
      const left = [...this.remote.values()].filter((branch) => branch.sid === sid);
      for (const branch of left) branch.stop(reopen('the session is at another server'));
    }
    for (const stream of this.registry.state.streams.of(sid)) {
      if (stream.owner !== sid) continue;
      for (const branch of this.remoteOf(stream.id)) branch.moved();
      if (!this.places?.isElsewhere(stream)) continue;
      this.channels.get(stream.id)?.stop(reopen('the session is at another server'));
      this.channels.delete(stream.id);
    }
  }

  /** Ends every end, and those that are opened later. */
  close(fault: Fault): void {
    this.ending = fault;
    this.timer?.cancel();
    this.meter.close();
    for (const channel of this.channels.values()) channel.stop(fault);
    this.channels.clear();
    this.share.leave();
    for (const branch of [...this.remote.values()]) branch.stop(fault);
  }

  private openRemote(stream: Stream, branch: BranchRequest): OpenedEnd {
    const { branchId } = branch;
    this.remote.get(branchId)?.stop(new Fault('OUT_OF_ORDER', `branch ${branchId} has been opened again to receive`));
    const { held, isFull } = this.deps;
    const gave = (bytes: number) => this.meter.gave(bytes);
    const sought = { ...branch, streamId: stream.id, isConfirmed: stream.params.deliveryConfirmation };
    const opened = new RemoteBranch(sought, {
      ...{ clock: this.clock, limits: this.limits, held, isFull, gave },
      dial: (request, owner) => this.places?.dial(stream, request, owner),
      gone: (gone) => {
        if (this.remote.get(branchId) === gone) this.remote.delete(branchId);
      },
    });
    this.remote.set(branchId, opened);
    return {
      ...{ stream, end: opened.end },
      get channel() {
        return opened.channel;
      },
    };
  }

  private remoteOf(streamId: number): RemoteBranch[] {
    return [...this.remote.values()].filter((branch) => branch.streamId === streamId);
  }

  private changed(stream: Stream): undefined {
    this.channels.get(stream.id)?.update(stream, branchStopped);
    if (this.remote.size === 0) return;
    const left = new Set(stream.sinks.map(({ id }) => id));
    for (const branch of this.remoteOf(stream.id)) {
      if (!left.has(branch.branchId)) branch.stop(branchStopped(branch.branchId));
    }
  }

  private channelOf(stream: Stream): Channel {
    const known = this.channels.get(stream.id);
    if (known !== undefined) return known;
    const channel = new Channel(stream, this.deps);
    this.channels.set(stream.id, channel);
    return channel;
  }

  private stopped({ before, after }: StreamStopped): undefined {
    if (after !== undefined) return this.changed(after);
    const fault = new Fault('STREAM_STOPPED', `stream ${before.id} has stopped`);
    if (this.remote.size > 0) for (const branch of this.remoteOf(before.id)) branch.stop(fault);
    this.channels.get(before.id)?.stop(fault);
    this.channels.delete(before.id);
  }

  private held(bytes: number): void {
    this.totalBytes += bytes;
    this.share.add(bytes);
  }

  /**
   * Whether a sink may pause for as long as it likes: the one end of a relayed connection holds up nobody but the other end,
   * as on a direct path. Not while all streams together hold as much as they may: then whoever does not read holds up all of its network.
   */
  private mayPause({ streamId, owner }: Channel): boolean {
    if (this.deps.isFull()) return false;
    const connections = this.registry.state.connections.of(owner);
    return connections.some(
      ({ relay }) => relay?.fromCaller.streamId === streamId || relay?.fromPeer.streamId === streamId,
    );
  }

  /** Looks for stalled sinks. A process that was stopped is late for it, and nobody could take anything meanwhile. */
  private scheduleStalls(): void {
    const everyMs = this.limits.sinkStallMs / LOOKS_PER_STALL;
    const dueMs = this.clock.nowMs() + everyMs;
    this.timer = this.clock.after(everyMs, () => {
      const lateMs = this.clock.nowMs() - dueMs;
      for (const channel of this.channels.values()) {
        if (lateMs > everyMs) channel.stoodStill(lateMs);
        for (const id of channel.stalled(this.mayPause(channel))) {
          void this.registry.submit({ kind: 'StopStream', sid: 0, id, reason: StopReason.SINK_TOO_SLOW });
        }
      }
      this.scheduleStalls();
    });
  }
}

/** What an end of a stream is known by, which may not be the session's. */
function endName(sid: number, id: number): string {
  return `${sid} ${id}`;
}

function branchStopped(id: number): Fault {
  return new Fault('STREAM_STOPPED', `branch ${id} has stopped`);
}
