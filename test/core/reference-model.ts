import type { Command } from '../../src/core/model/command.js';
import type { Reason } from '../../src/core/model/fault.js';
import type { Limits } from '../../src/core/model/limits.js';
import type { Stream } from '../../src/core/model/stream.js';
import { capture, rowsOf } from '../../src/core/store/snapshot.js';
import type { State } from '../../src/core/store/state.js';

/** What a model and a state can both be made to show, to be compared. */
export interface Picture {
  /** `sid uuid`. */
  readonly sessions: string[];
  /** `lower-higher type`. */
  readonly links: string[];
  /** `sid>peer type`. */
  readonly reports: string[];
  /** `id owner>sink:branch,…`. */
  readonly streams: string[];
  /** SIDs that were asked to end themselves. */
  readonly ending: number[];
}

/** What a state looks like. */
export function pictureOf(state: State): Picture {
  const rows = [...rowsOf(capture(state))];
  return {
    sessions: rows.flatMap((row) => (row.kind === 'session' ? `${row.session.sid} ${row.session.uuid}` : [])).sort(),
    links: rows.flatMap((row) => (row.kind === 'link' ? linkLine(row.a, row.b, row.link) : [])).sort(),
    reports: [...state.reports.all()].map(({ sid, peer, link }) => `${sid}>${peer} ${link}`).sort(),
    streams: [...state.streams.all()].map(streamLine).sort(),
    ending: [...state.orders.all()].map(({ sid }) => sid).sort(),
  };
}

function streamLine({ id, owner, sinks }: Pick<Stream, 'id' | 'owner' | 'sinks'>): string {
  return `${id} ${owner}>${sinks.map((sink) => `${sink.sid}:${sink.id}`).join()}`;
}

interface ModelStream {
  readonly id: number;
  readonly owner: number;
  readonly initial: boolean;
  sinks: { sid: number; id: number }[];
}

/**
 * The contract's rules in the most naive form: sets of strings, looked through from end to end.
 *
 * It says of each command whether it is refused and what the network then looks like. Numbers that the core is free to
 * choose (SIDs, stream ids) it takes from the core's answer.
 */
export class Model {
  private sessions = new Map<number, string>();
  private links = new Set<string>();
  private reports = new Set<string>();
  private streams: ModelStream[] = [];
  private ending = new Set<number>();

  constructor(
    private readonly limits: Limits,
    private readonly serverSid: number,
  ) {}

  picture(): Picture {
    return {
      sessions: [...this.sessions].map(([sid, uuid]) => `${sid} ${uuid}`).sort(),
      links: [...this.links].sort(),
      reports: [...this.reports].sort(),
      streams: this.streams.map(streamLine).sort(),
      ending: [...this.ending].sort(),
    };
  }

  /** The SIDs that live. */
  sids(): number[] {
    return [...this.sessions.keys()];
  }

  /** The ids that are in use: of streams and of branches. */
  streamIds(): number[] {
    return this.streams.flatMap(({ id, sinks }) => [id, ...sinks.map((sink) => sink.id)]);
  }

  /** Takes a command; the reason if it is to be refused. `opened` and `created` are what the core made of it. */
  take(command: Command, opened: number | undefined, created: Stream | undefined): Reason | undefined {
    switch (command.kind) {
      case 'OpenSession':
        return this.open(command.uuid, opened, created);
      case 'CloseSession':
        return this.whenLive(command.sid, () => this.end(command.sid));
      case 'RequestTermination':
        return this.whenLive(command.sid, () => this.ending.add(command.sid));
      case 'AnswerOrder':
        return this.answer(command.sid, command.orderId);
      case 'ReportLink':
        return this.report(command.sid, command.peer, command.link, command.established);
      case 'CreateStream':
        return this.create(command.sid, command.sinks, created);
      case 'UpdateStreamParams':
        return this.ownStream(command.sid, command.id, () => {});
      case 'TerminateStream':
        return this.ownStream(command.sid, command.id, (stream) => this.drop(stream));
      case 'StopStream':
        return this.stop(command.sid, command.id);
      case 'FoundNetwork':
        throw new Error('a network is founded once');
    }
  }

  private whenLive(sid: number, does: () => void): Reason | undefined {
    if (!this.sessions.has(sid)) return 'SESSION_NOT_FOUND';
    does();
    return undefined;
  }

  private open(uuid: string, sid: number | undefined, initial: Stream | undefined): Reason | undefined {
    const before = [...this.sessions].find(([, other]) => other === uuid)?.[0];
    if (before === undefined && this.sessions.size >= this.limits.sessionsMax) return 'SESSION_LIMIT';
    if (sid === undefined || initial === undefined) return 'SID_EXHAUSTED';
    if (before !== undefined) this.end(before);
    if (this.sessions.has(sid)) throw new Error(`SID ${sid} was in use`);
    this.sessions.set(sid, uuid);
    this.links.add(linkLine(sid, this.serverSid, 0));
    this.adopt(initial, sid, []);
    return undefined;
  }

  private end(sid: number): void {
    this.sessions.delete(sid);
    this.ending.delete(sid);
    this.links = without(this.links, (line) => line.split(/[- ]/).slice(0, 2).includes(String(sid)));
    this.reports = without(this.reports, (line) => line.split(/[> ]/).slice(0, 2).includes(String(sid)));
    for (const stream of [...this.streams]) {
      stream.sinks = stream.sinks.filter((sink) => sink.sid !== sid);
      if (stream.owner === sid || (stream.sinks.length === 0 && !stream.initial)) this.drop(stream);
    }
  }

  /** No order is ever called o0: revision 0 has no command. */
  private answer(sid: number, orderId: string): Reason | undefined {
    if (!this.sessions.has(sid)) return 'SESSION_NOT_FOUND';
    if (!this.ending.has(sid) || orderId === 'o0') return 'ORDER_NOT_FOUND';
    this.end(sid);
    return undefined;
  }

  private report(sid: number, peer: number, type: number, established: boolean): Reason | undefined {
    if (peer === sid || peer === this.serverSid) return 'FIELD_INVALID';
    if (!this.sessions.has(sid)) return 'SESSION_NOT_FOUND';
    if (!this.sessions.has(peer)) return 'NODE_NOT_FOUND';
    const link = linkLine(sid, peer, type);
    const mine = `${sid}>${peer} ${type}`;
    const theirs = `${peer}>${sid} ${type}`;
    if (!established) {
      if (!this.links.delete(link)) this.reports.delete(mine);
      return undefined;
    }
    if (this.links.has(link) || this.reports.has(mine)) return undefined;
    if (!this.reports.has(theirs)) {
      if (this.reports.size >= this.limits.reportsMax) return 'LINK_LIMIT';
      const waiting = [...this.reports].filter((line) => line.startsWith(`${sid}>`));
      if (waiting.length >= this.limits.reportsPerNodeMax) return 'LINK_LIMIT';
      this.reports.add(mine);
      return undefined;
    }
    if (this.links.size >= this.limits.linksMax) return 'LINK_LIMIT';
    if ([sid, peer].some((end) => this.degree(end) >= this.limits.linksPerNodeMax)) return 'LINK_LIMIT';
    this.reports.delete(theirs);
    this.links.add(link);
    return undefined;
  }

  private degree(sid: number): number {
    return [...this.links].filter((line) => line.split(/[- ]/).slice(0, 2).includes(String(sid))).length;
  }

  private create(sid: number, sinks: readonly number[], created: Stream | undefined): Reason | undefined {
    const { sinksPerStreamMax, streamsPerSessionMax, branchesPerSinkMax } = this.limits;
    const twice = new Set(sinks).size !== sinks.length;
    if (sinks.length === 0 || sinks.length > sinksPerStreamMax || twice || sinks.includes(sid)) return 'FIELD_INVALID';
    if (!this.sessions.has(sid)) return 'SESSION_NOT_FOUND';
    if (sinks.some((sink) => !this.sessions.has(sink))) return 'NODE_NOT_FOUND';
    const others = this.streams.filter((stream) => !stream.initial);
    const branches = (sink: number) => others.filter((stream) => stream.sinks.some((one) => one.sid === sink)).length;
    if (others.filter(({ owner }) => owner === sid).length >= streamsPerSessionMax) return 'STREAM_LIMIT';
    if (others.length >= this.limits.streamsMax) return 'STREAM_LIMIT';
    if (this.streamIds().length - this.streams.length + sinks.length > this.limits.branchesMax) return 'STREAM_LIMIT';
    if (sinks.some((sink) => branches(sink) >= branchesPerSinkMax)) return 'STREAM_LIMIT';
    this.adopt(created!, sid, sinks);
    return undefined;
  }

  /** A stream that the core made: its ids must be new, its ends those that were asked for. */
  private adopt({ id, sinks }: Stream, owner: number, asked: readonly number[]): void {
    const inUse = new Set(this.streamIds());
    if ([id, ...sinks.map((sink) => sink.id)].some((one) => inUse.has(one)))
      throw new Error(`an id of ${id} was in use`);
    if (sinks.map((sink) => sink.sid).join() !== asked.join()) throw new Error(`stream ${id} has other sinks`);
    this.streams.push({ id, owner, initial: asked.length === 0, sinks: [...sinks] });
  }

  private ownStream(sid: number, id: number, does: (stream: ModelStream) => void): Reason | undefined {
    const stream = this.streams.find((one) => one.id === id);
    if (stream === undefined || !endsOf(stream).includes(sid)) return 'STREAM_NOT_FOUND';
    if (stream.owner !== sid) return 'NOT_STREAM_OWNER';
    does(stream);
    return undefined;
  }

  private stop(sid: number, id: number): Reason | undefined {
    const stream = this.streams.find((one) => one.id === id || one.sinks.some((sink) => sink.id === id));
    if (stream === undefined) return 'STREAM_NOT_FOUND';
    const branch = stream.sinks.find((sink) => sink.id === id);
    const own = branch === undefined ? endsOf(stream) : [stream.owner, branch.sid];
    if (sid !== 0 && !own.includes(sid)) return 'STREAM_NOT_FOUND';
    stream.sinks = branch === undefined ? [] : stream.sinks.filter((sink) => sink !== branch);
    if (stream.sinks.length === 0) this.drop(stream);
    return undefined;
  }

  private drop(stream: ModelStream): void {
    this.streams = this.streams.filter((one) => one !== stream);
  }
}

function endsOf({ owner, sinks }: ModelStream): number[] {
  return [owner, ...sinks.map((sink) => sink.sid)];
}

function linkLine(one: number, other: number, type: number): string {
  return `${Math.min(one, other)}-${Math.max(one, other)} ${type}`;
}

function without(lines: ReadonlySet<string>, goes: (line: string) => boolean): Set<string> {
  return new Set([...lines].filter((line) => !goes(line)));
}
