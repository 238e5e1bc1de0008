import { ManualClock } from '../../harness/manual-clock.js';
import { systemRandom } from '../../src/client/system.js';
import { apply } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import { isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { DEFAULT_STREAM_PARAMS, type StreamParams } from '../../src/core/model/stream.js';
import { State } from '../../src/core/store/state.js';
import type { SinkEnd, SourceEnd } from '../../src/relay/end.js';
import { DEFAULT_RELAY_LIMITS, type RelayLimits } from '../../src/relay/limits.js';
import type { QuotaOf } from '../../src/relay/meter.js';
import { Relay } from '../../src/relay/relay.js';

/** Three sessions in a core, and the relay beside it. */
export class World {
  readonly clock = new ManualClock();
  readonly state = new State(DEFAULT_LIMITS);
  readonly used: number[] = [];
  readonly sids: number[] = [];
  relay: Relay;
  readonly #limits: RelayLimits;
  /** What a session may send. */
  quotaOf: QuotaOf = () => undefined;

  constructor(limits: Partial<RelayLimits> = {}) {
    this.#limits = { ...DEFAULT_RELAY_LIMITS, ...limits };
    this.relay = this.#makeRelay();
    this.do({ kind: 'FoundNetwork', epoch: 'e', serverUuid: 's', atMs: 0 });
    for (let n = 1; n <= 4; n++) {
      const uuid = `00000000-0000-4000-8000-00000000000${n}`;
      this.do({
        kind: 'OpenSession',
        uuid,
        type: 2,
        flavor: 0,
        ttlMs: 1,
        name: '',
        labels: {},
        tokenHash: '',
        atMs: 0,
      });
      this.sids.push(this.state.sessions.ofInstance(uuid)!.sid);
    }
  }

  do(command: Command): void {
    const applied = apply(this.state, command);
    if (isFault(applied)) throw new Error(applied.message);
    this.relay.publish(this.state.position, applied.changes);
  }

  /** The data on its way is gone; what is registered is not. */
  restart(): void {
    this.relay = this.#makeRelay();
  }

  #makeRelay(): Relay {
    const registry = {
      state: this.state,
      used: (id: number) => this.used.push(id),
      submit: async (command: Command) => this.do(command),
    };
    return new Relay(registry, this.clock, this.#limits, systemRandom, undefined, (sid) => this.quotaOf(sid));
  }

  /** A stream from the first session to the next `sinks`, with its ends. */
  stream(
    sinks: number,
    params: Partial<StreamParams> = {},
  ): { id: number; source: SourceEnd; sinks: SinkEnd[]; branches: number[] } {
    const { id, sids, branches } = this.bare(sinks, params);
    return {
      id,
      source: this.open(this.sids[0]!, id) as SourceEnd,
      sinks: branches.map((branch, at) => this.open(sids[at]!, branch) as SinkEnd),
      branches,
    };
  }

  /** The same before any end was opened, with the sessions of the sinks. */
  bare(sinks: number, params: Partial<StreamParams> = {}): { id: number; sids: number[]; branches: number[] } {
    const [owner, ...others] = this.sids;
    const sids = others.slice(0, sinks);
    this.do({ kind: 'CreateStream', sid: owner!, params: { ...DEFAULT_STREAM_PARAMS, ...params }, sinks: sids });
    const stream = this.state.streams.of(owner!).at(-1)!;
    return { id: stream.id, sids, branches: stream.sinks.map((sink) => sink.id) };
  }

  open(sid: number, id: number, blocks?: number): SourceEnd | SinkEnd {
    const opened = this.relay.open(sid, id, blocks);
    if (isFault(opened)) throw new Error(opened.message);
    return opened.end;
  }

  channel(sid: number, id: number): bigint {
    const opened = this.relay.open(sid, id);
    if (isFault(opened)) throw new Error(opened.message);
    return opened.channel!;
  }
}

/** A block that is told from others. */
export const block = (n: number): Uint8Array => Uint8Array.of(n >>> 8, n & 255);
const number = (bytes: Uint8Array): number => bytes[0] * 256 + bytes[1];

/** What a sink has, as the numbers of its blocks, and how it ends. */
export function read(sink: SinkEnd, count = Number.POSITIVE_INFINITY): (number | string)[] {
  const got: (number | string)[] = [];
  while (got.length < count) {
    const next = sink.next();
    if (next === undefined) break;
    if (next === 'ended' || isFault(next)) {
      got.push(next === 'ended' ? next : next.reason);
      break;
    }
    got.push(number(next));
  }
  return got;
}
