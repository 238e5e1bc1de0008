import fc from 'fast-check';
import { apply } from '../../../src/core/decide/apply.js';
import type { Change } from '../../../src/core/model/change.js';
import type { Command } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS, StopReason } from '../../../src/core/model/stream.js';
import { State } from '../../../src/core/store/state.js';

/** How many instances a random history has. */
export const INSTANCES = 6;

/** A step of a random history: small numbers, so that instances meet again and again. */
export const step = fc.record({
  what: fc.constantFrom('open', 'close', 'established', 'established', 'lost', 'create', 'stop'),
  one: fc.nat(INSTANCES - 1),
  two: fc.nat(INSTANCES - 1),
  link: fc.constantFrom(1 as const, 2 as const),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const uuidOf = (instance: number) => `00000000-0000-4000-8000-00000000000${instance}`;

/** A state, and what each of its revisions changed. */
export class History {
  readonly state = new State(DEFAULT_LIMITS);
  readonly revisions: (readonly Change[])[] = [];

  constructor(steps: readonly Step[]) {
    this.run({ kind: 'FoundNetwork', epoch: 'e', serverUuid: uuidOf(9), atMs: 0 });
    for (const one of steps) this.run(this.commandOf(one));
  }

  private run(command: Command): void {
    const outcome = apply(this.state, command);
    this.revisions.push(isFault(outcome) ? [] : outcome.changes);
  }

  private commandOf({ what, one, two, link }: Step): Command {
    const sid = this.state.sessions.ofInstance(uuidOf(one))?.sid ?? 1;
    const peer = this.state.sessions.ofInstance(uuidOf(two))?.sid ?? 1;
    const rest = { ttlMs: 1, name: `${one}`, labels: { n: 'v' }, tokenHash: '', atMs: 0 };
    if (what === 'open') return { kind: 'OpenSession', uuid: uuidOf(one), type: 2, flavor: 0, ...rest };
    if (what === 'close') return { kind: 'CloseSession', sid, reason: CloseReason.EXPIRED };
    if (what === 'create') return { kind: 'CreateStream', sid, params: DEFAULT_STREAM_PARAMS, sinks: [peer] };
    const stream = this.state.streams.of(sid)[0]?.sinks[0].id ?? 0;
    if (what === 'stop') return { kind: 'StopStream', sid, id: stream, reason: StopReason.STOPPED };
    return { kind: 'ReportLink', sid, peer, link, established: what === 'established' };
  }
}
