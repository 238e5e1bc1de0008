import { type Applied, apply, decide } from '../../src/core/decide/apply.js';
import type { Change } from '../../src/core/model/change.js';
import type { Command, CreateStream, OpenSession } from '../../src/core/model/command.js';
import { Fault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/limits.js';
import type { LinkType } from '../../src/core/model/link.js';
import { CloseReason, type Session } from '../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS, StopReason, type Stream } from '../../src/core/model/stream.js';
import { State } from '../../src/core/store/state.js';

/** The first command of every journal here. */
export const FOUND: Command = {
  kind: 'FoundNetwork',
  epoch: 'an epoch',
  serverUuid: '00000000-0000-4000-8000-000000000000',
  atMs: 1,
};

/** The command that opens a session of the instance with that number. */
export function opening(instance: number, fields: Partial<OpenSession> = {}): OpenSession {
  return {
    kind: 'OpenSession',
    uuid: `00000000-0000-4000-8000-${String(instance).padStart(12, '0')}`,
    type: 2,
    flavor: 0,
    ttlMs: 30_000,
    name: `instance ${instance}`,
    labels: {},
    tokenHash: `hash of ${instance}`,
    atMs: 1_000 + instance,
    ...fields,
  };
}

/** A founded network to try commands on: each method applies one, and throws when it is refused. */
export class Network {
  constructor(
    limits: Partial<Limits> = {},
    readonly state = new State({ ...DEFAULT_LIMITS, ...limits }),
  ) {
    if (state.revision === 0) this.apply(FOUND);
  }

  /** Applies what has to succeed. */
  apply(command: Command): Applied {
    const result = apply(this.state, command);
    if (result instanceof Fault) throw new Error(`${command.kind} was refused: ${result.reason}, ${result.message}`);
    return result;
  }

  /** Applies what has to be refused. */
  refused(command: Command): Fault {
    const result = apply(this.state, command);
    if (result instanceof Fault) return result;
    throw new Error(`${command.kind} was not refused but changed ${result.changes.map((change) => change.kind)}`);
  }

  /** What would come of a command: the kinds of its changes. */
  wouldChange(command: Command): string[] {
    const changes = decide(this.state, command);
    if (changes instanceof Fault) throw new Error(`${command.kind} would be refused: ${changes.reason}`);
    return kinds(changes);
  }

  /** Opens a session and answers with its SID. */
  open(instance: number, fields: Partial<OpenSession> = {}): number {
    return openedBy(this.apply(opening(instance, fields))).sid;
  }

  close(sid: number, reason: CloseReason = CloseReason.TERMINATED): Applied {
    return this.apply({ kind: 'CloseSession', sid, reason });
  }

  report(sid: number, peer: number, link: LinkType, established = true): Applied {
    return this.apply({ kind: 'ReportLink', sid, peer, link, established });
  }

  /** Both ends say that the link stands. */
  connect(sid: number, peer: number, link: LinkType): void {
    this.report(sid, peer, link);
    this.report(peer, sid, link);
  }

  /** Registers a stream and answers with it. */
  stream(sid: number, sinks: readonly number[], params: Partial<CreateStream['params']> = {}): Stream {
    const { changes } = this.apply(creating(sid, sinks, params));
    const [put] = changes;
    if (put?.kind !== 'StreamPut') throw new Error('no stream came of it');
    return put.stream;
  }

  stop(sid: number, id: number): Applied {
    return this.apply({ kind: 'StopStream', sid, id, reason: StopReason.STOPPED });
  }
}

/** The command that registers a stream. */
export function creating(
  sid: number,
  sinks: readonly number[],
  params: Partial<CreateStream['params']> = {},
): CreateStream {
  return { kind: 'CreateStream', sid, sinks, params: { ...DEFAULT_STREAM_PARAMS, ...params } };
}

/** The session that came of a command. */
export function openedBy({ changes }: Applied): Session {
  for (const change of changes) if (change.kind === 'SessionOpened') return change.session;
  throw new Error('no session came of it');
}

/** What happened, without the particulars. */
export function kinds(changes: readonly Change[]): string[] {
  return changes.map((change) => change.kind);
}
