import { beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/client/system.js';
import { apply, decide } from '../../../src/core/decide/apply.js';
import { dependsOnReports, storedAnswer } from '../../../src/core/decide/broker.js';
import type { Change } from '../../../src/core/model/change.js';
import type { AnswerGather, AskConnection, Command } from '../../../src/core/model/command.js';
import {
  ConnectionRole,
  ConnectionState,
  Fallback,
  type Gathered,
  PathKind,
} from '../../../src/core/model/connection.js';
import { type Fault, isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { State } from '../../../src/core/store/state.js';
import { decodeRecord } from '../../../src/journal/format/record.js';
import type { StoredRecord } from '../../../src/journal/journal.js';
import { MemoryJournal } from '../../../src/journal/storage/memory.js';
import { Appender } from '../../../src/replica/appender.js';
import { DEFAULT_REPLICA_LIMITS } from '../../../src/replica/limits.js';

const CANDIDATE = { host: '10.0.0.1', port: 1000, type: 1, priority: 5 };
const DRAWN = { nonce: 'n'.repeat(16), atMs: 1 };
const { GATHER, RELAY, PUNCH_CONTROLLING, PUNCH_CONTROLLED } = ConnectionRole;
const { ORDERED, GATHERING, PUNCHING, ESTABLISHED, RELAYED, FAILED } = ConnectionState;

let state: State;
let a: number;
let b: number;

function give(command: Command): readonly Change[] | Fault {
  const outcome = apply(state, command);
  return isFault(outcome) ? outcome : outcome.changes;
}

function done(command: Command): void {
  const changes = give(command);
  if (isFault(changes)) throw new Error(`${changes.reason}: ${changes.message}`);
}

function open(n: number): number {
  const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const plain = { flavor: 0, ttlMs: 1000, name: '', labels: {}, tokenHash: '', atMs: 0 };
  done({ kind: 'OpenSession', uuid, type: 2, ...plain });
  return state.sessions.ofInstance(uuid)!.sid;
}

function found(limits: Partial<Limits> = {}): void {
  state = new State({ ...DEFAULT_LIMITS, ...limits });
  done({ kind: 'FoundNetwork', epoch: 'e', serverUuid: '00000000-0000-4000-8000-000000000000', atMs: 0 });
  [a, b] = [open(1), open(2)];
}

/** Asks as a caller does that wants the relay first: with its key, before it knows where it may be reached. */
function asking(sid: number, peer: number, more: Partial<AskConnection> = {}): AskConnection {
  const plain = { link: 1, host: '198.51.100.1', port: 0, relayed: 0, deadlineMs: 10_000 } as const;
  const known = { candidates: [], publicKey: `key of ${sid}`, roundTripMs: 0, relayVersion: 3 };
  return { kind: 'AskConnection', sid, peer, fallback: Fallback.IMMEDIATE, ...plain, ...known, ...DRAWN, ...more };
}

function ask(sid: number, peer: number, more: Partial<AskConnection> = {}): number {
  done(asking(sid, peer, more));
  return state.revision;
}

function gather(sid: number, more: Partial<Gathered> = {}): void {
  const known = { candidates: [], publicKey: `key of ${sid}`, roundTripMs: 0, relayVersion: 3, ...more };
  done({ kind: 'AnswerGather', sid, orderId: orderOf(sid, GATHER)!, ...known, ...DRAWN });
}

function answerRelay(sid: number): void {
  const orderId = orderOf(sid, RELAY)!;
  done({ kind: 'AnswerOrder', sid, orderId, code: undefined, description: '', data: new Uint8Array() });
}

function tell(sid: number, role: ConnectionRole, connected: boolean): void {
  const told = { connected, pairs: [], tookMs: 30, roundTripMs: 40 };
  done({ kind: 'AnswerAttempt', sid, orderId: orderOf(sid, role)!, ...told, ...DRAWN });
}

function reportOf(sid: number, peer: number, connection: number): Command {
  const brokered = { connection, path: PathKind.DIRECT, roundTripMs: 7, failed: false };
  return { kind: 'ReportLink', sid, peer, link: 1, established: true, brokered };
}

function reportDirect(sid: number, peer: number, connection: number): void {
  done(reportOf(sid, peer, connection));
}

const at = (id: number) => state.connections.get(id)!;
const rolesOf = (sid: number) => state.orders.of(sid).map(({ body }) => body.kind === 'connection' && body.role);
const orderOf = (sid: number, role: ConnectionRole) =>
  state.orders.of(sid).find(({ body }) => body.kind === 'connection' && body.role === role)?.id;
const known = { candidates: [CANDIDATE] };

/** The state after a restart: from a snapshot alone. */
function restarted(): State {
  const restoring = new Restoring(state.limits);
  for (const row of rowsOf(capture(state))) restoring.add(row);
  return restoring.state;
}

beforeEach(() => found());

/** A connection that both ends have moved to a direct path; they know the form of relayed bytes with this number. */
function direct(relayVersion = 4): number {
  const id = ask(a, b, { relayVersion });
  gather(b, { relayVersion });
  done(asking(a, b, { relayed: id, relayVersion, ...known }));
  gather(b, { ...known, relayVersion });
  tell(a, PUNCH_CONTROLLING, true);
  tell(b, PUNCH_CONTROLLED, true);
  for (const end of [a, b]) answerRelay(end);
  reportDirect(a, b, id);
  reportDirect(b, a, id);
  return id;
}

/** A connection that goes through the server, and can go on there when it has left it. */
function relayed(): number {
  const id = ask(a, b, { relayVersion: 4 });
  gather(b, { relayVersion: 4 });
  for (const end of [a, b]) answerRelay(end);
  return id;
}

/** A connection that was tried again before both ends have said that it is direct, and the peer's answer to the order to gather for that. */
function retried(): [id: number, answer: AnswerGather] {
  const id = ask(a, b, { relayVersion: 4 });
  gather(b, { relayVersion: 4 });
  for (const end of [a, b]) answerRelay(end);
  done(asking(a, b, { relayed: id, relayVersion: 4, ...known }));
  gather(b, { ...known, relayVersion: 4 });
  tell(a, PUNCH_CONTROLLING, true);
  tell(b, PUNCH_CONTROLLED, true);
  done(asking(a, b, { relayed: id, relayVersion: 4, ...known }));
  const gathered = { ...known, publicKey: 'another key', roundTripMs: 0, relayVersion: 4 };
  return [id, { kind: 'AnswerGather', sid: b, orderId: orderOf(b, GATHER)!, ...gathered, ...DRAWN }];
}

function lossOf(sid: number, peer: number, connection: number): Command {
  const brokered = { connection, path: PathKind.RELAYED, roundTripMs: 0, failed: true };
  return { kind: 'ReportLink', sid, peer, link: 1, established: false, brokered };
}

function reportLoss(sid: number, peer: number, connection: number): void {
  done(lossOf(sid, peer, connection));
}

/** Has commands stored that come in one turn, and answers with their kinds, batch by batch. */
async function appendInOneTurn(commands: readonly Command[]): Promise<string[][]> {
  const kinds: string[][] = [];
  const append = async (records: readonly StoredRecord[]) =>
    void kinds.push(records.map((one) => decodeRecord(one).kind));
  const failed: unknown[] = [];
  const appender = new Appender({
    ...{ state, clock: systemClock, limits: DEFAULT_REPLICA_LIMITS, apply: (command) => apply(state, command) },
    journal: Object.assign(new MemoryJournal(), { append }),
    ...{ observed: (_, outcome) => outcome, applied: () => {}, warn: () => {} },
    fatal: (error) => void failed.push(error),
  });
  for (const command of commands) appender.take({ command, resolve: () => {} }, 10);
  await appender.idle();
  expect(failed).toEqual([]);
  return kinds;
}

describe('a connection whose direct path has died', () => {
  it('goes on through the server by new streams, given once although both ends report the loss, and its link stays', () => {
    const id = direct();
    const link = { a: Math.min(a, b), b: Math.max(a, b), link: 1 } as const;
    expect([at(id).state, state.graph.hasLink(link)]).toEqual([ESTABLISHED, true]);
    reportLoss(b, a, id);
    expect(at(id)).toMatchObject({ state: RELAYED, path: PathKind.RELAYED });
    expect([rolesOf(a), rolesOf(b)]).toEqual([[RELAY], [RELAY]]);
    const { relay } = at(id);
    reportLoss(a, b, id);
    expect([at(id).relay, rolesOf(a), rolesOf(b)]).toEqual([relay, [RELAY], [RELAY]]);
    expect([state.streams.count, state.graph.hasLink(link)]).toEqual([2, true]);
    for (const end of [a, b]) answerRelay(end);
    done(asking(a, b, { relayed: id, relayVersion: 4, ...known }));
    gather(b, { ...known, relayVersion: 4 });
    tell(a, PUNCH_CONTROLLING, true);
    tell(b, PUNCH_CONTROLLED, true);
    reportDirect(a, b, id);
    reportDirect(b, a, id);
    expect(at(id)).toMatchObject({ state: ESTABLISHED, attempts: [{ number: 1 }, { number: 2 }] });
    expect([state.streams.count, canonical(restarted())]).toEqual([0, canonical(state)]);
  });

  it('goes on also when one end has not reported the path yet', () => {
    const id = relayed();
    reportDirect(a, b, id);
    const { relay } = at(id);
    reportLoss(a, b, id);
    expect(at(id).state).toBe(RELAYED);
    expect(at(id).relay).not.toEqual(relay);
    expect(state.streams.count).toBe(2);
  });

  it('goes on once when the report of the dead path comes from the other end after the loss, and takes a second loss then', () => {
    const id = relayed();
    reportDirect(a, b, id);
    reportLoss(a, b, id);
    const { relay } = at(id);
    reportDirect(b, a, id);
    expect(at(id).peer.reported).toBe(PathKind.UNSPECIFIED);
    reportLoss(b, a, id);
    expect([at(id).relay, rolesOf(a), rolesOf(b)]).toEqual([relay, [RELAY], [RELAY]]);
    answerRelay(a);
    reportDirect(b, a, id);
    reportLoss(b, a, id);
    expect([at(id).relay, rolesOf(a), rolesOf(b)]).toEqual([relay, [], [RELAY]]);
    answerRelay(b);
    reportDirect(b, a, id);
    reportLoss(b, a, id);
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([RELAYED, [RELAY], [RELAY]]);
    expect(at(id).relay).not.toEqual(relay);
    expect(state.streams.count).toBe(2);
  });

  it.each([
    ['streams', { streamsMax: 2 }],
    ['branches', { branchesMax: 2 }],
    ['streams of a session', { streamsPerSessionMax: 1 }],
    ['streams that end at a session', { branchesPerSinkMax: 1 }],
  ])('goes on at the bound of %s, as the streams that it had before stop', (_, limits) => {
    found(limits);
    const id = relayed();
    reportDirect(a, b, id);
    const { relay } = at(id);
    reportLoss(a, b, id);
    expect([at(id).state, state.streams.count]).toEqual([RELAYED, 2]);
    expect(at(id).relay).not.toEqual(relay);
  });

  it('is over when an end knows no way back, wants no relay, or can have no stream', () => {
    const old = direct(3);
    reportLoss(a, b, old);
    expect(at(old)).toMatchObject({ state: FAILED, reason: 'PATH_FAILED' });
    found({ streamsPerSessionMax: 1 });
    const full = direct();
    done({ kind: 'CreateStream', sid: a, sinks: [b], params: DEFAULT_STREAM_PARAMS });
    reportLoss(a, b, full);
    expect(at(full)).toMatchObject({ state: FAILED, reason: 'PATH_FAILED' });
    expect(state.graph.hasLink({ a: Math.min(a, b), b: Math.max(a, b), link: 1 })).toBe(false);
  });

  it('is over when an end does not open the relay again', () => {
    const id = direct();
    reportLoss(a, b, id);
    done({ kind: 'ExpireOrder', sid: b, orderId: orderOf(b, RELAY)! });
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'ORDER_DEADLINE' });
    expect(state.streams.count).toBe(0);
  });
});

describe('a connection whose relay comes first', () => {
  it('goes through the server as soon as the peer has said yes, without a candidate of either end', () => {
    const id = ask(a, b);
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([ORDERED, [], [GATHER]]);
    gather(b);
    expect(at(id)).toMatchObject({ state: RELAYED, path: PathKind.RELAYED, attempts: [] });
    expect([rolesOf(a), rolesOf(b)]).toEqual([[RELAY], [RELAY]]);
    expect(state.streams.get(at(id).relay!.fromCaller.streamId)?.params.deliveryConfirmation).toBe(true);
  });

  it('is tried for a direct path while its streams are being opened, and stops these when it is direct', () => {
    const id = ask(a, b);
    gather(b);
    done(asking(a, b, { relayed: id, ...known }));
    expect([rolesOf(a), rolesOf(b)]).toEqual([[RELAY], [RELAY, GATHER]]);
    gather(b, known);
    expect([rolesOf(a), rolesOf(b)]).toEqual([
      [RELAY, PUNCH_CONTROLLING],
      [RELAY, PUNCH_CONTROLLED],
    ]);
    tell(a, PUNCH_CONTROLLING, true);
    tell(b, PUNCH_CONTROLLED, true);
    for (const end of [a, b]) answerRelay(end);
    reportDirect(a, b, id);
    reportDirect(b, a, id);
    expect(at(id)).toMatchObject({ state: ESTABLISHED, path: PathKind.DIRECT, attempts: [{ number: 1 }] });
    expect(state.streams.count).toBe(0);
  });

  it('is direct also when an end says so before it has answered the order to relay', () => {
    const id = ask(a, b, { relayVersion: 4 });
    gather(b, { relayVersion: 4 });
    done(asking(a, b, { relayed: id, relayVersion: 4, ...known }));
    gather(b, { ...known, relayVersion: 4 });
    tell(a, PUNCH_CONTROLLING, true);
    tell(b, PUNCH_CONTROLLED, true);
    answerRelay(a);
    reportDirect(a, b, id);
    reportDirect(b, a, id);
    expect(at(id)).toMatchObject({ state: ESTABLISHED, path: PathKind.DIRECT });
    expect(state.streams.count).toBe(0);
  });

  it('stays direct when it was tried again before both ends had said so, and the peer gathers after that', () => {
    const id = ask(a, b, { relayVersion: 4 });
    gather(b, { relayVersion: 4 });
    for (const end of [a, b]) answerRelay(end);
    done(asking(a, b, { relayed: id, relayVersion: 4, ...known }));
    gather(b, { ...known, relayVersion: 4 });
    tell(a, PUNCH_CONTROLLING, true);
    tell(b, PUNCH_CONTROLLED, true);
    done(asking(a, b, { relayed: id, relayVersion: 4, ...known }));
    reportDirect(a, b, id);
    reportDirect(b, a, id);
    const before = at(id);
    gather(b, { ...known, relayVersion: 4, publicKey: 'another key' });
    expect([at(id), rolesOf(a), rolesOf(b)]).toEqual([before, [], []]);
    expect(before).toMatchObject({ state: ESTABLISHED, path: PathKind.DIRECT, attempts: [{ number: 1 }] });
  });

  it('is stored in a form that builds of 0.1 apply when the peer gathers for it after it is direct, to the same effect', () => {
    const [id, answer] = retried();
    expect(storedAnswer(state, answer)).toBe(answer);
    expect(dependsOnReports(state, answer)).toBe(true);
    reportDirect(a, b, id);
    reportDirect(b, a, id);
    const stored = storedAnswer(state, answer);
    expect(stored).toEqual({ kind: 'ExpireOrder', sid: b, orderId: answer.orderId });
    const effect = decide(state, answer);
    expect(give(stored)).toEqual(effect);
    const before = at(id);
    expect([before.state, rolesOf(b)]).toEqual([ESTABLISHED, []]);
    done(answer);
    expect(at(id)).toBe(before);
  });

  it('is stored in that form also where the answer came in one turn with the reports before it', async () => {
    const [id, answer] = retried();
    const kinds = await appendInOneTurn([reportOf(a, b, id), reportOf(b, a, id), answer]);
    expect(kinds).toEqual([['ReportLink', 'ReportLink'], ['ExpireOrder']]);
    expect([at(id).state, rolesOf(b)]).toEqual([ESTABLISHED, []]);
  });

  it('is stored as the state that its loss leaves decides where the answer came in one turn with that', async () => {
    const [id, answer] = retried();
    reportDirect(a, b, id);
    reportDirect(b, a, id);
    expect(await appendInOneTurn([lossOf(a, b, id), answer])).toEqual([['ReportLink'], ['AnswerGather']]);
  });

  it('is not tried a second time while it is being tried', () => {
    const id = ask(a, b);
    gather(b);
    done(asking(a, b, { relayed: id, ...known }));
    expect(give(asking(a, b, { relayed: id, ...known }))).toMatchObject({ reason: 'OUT_OF_ORDER' });
  });

  it('has attempts first, which the caller is ordered to gather for, when the peer is an older one', () => {
    const id = ask(a, b);
    gather(b, { ...known, relayVersion: 2 });
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([GATHERING, [GATHER], []]);
    gather(a, known);
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([PUNCHING, [PUNCH_CONTROLLING], [PUNCH_CONTROLLED]]);
  });

  it('has attempts first, which both gather for, while a session has no room for a stream', () => {
    found({ streamsPerSessionMax: 0 });
    const id = ask(a, b);
    gather(b);
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([GATHERING, [GATHER], [GATHER]]);
    gather(b, known);
    expect(at(id).state).toBe(GATHERING);
    gather(a, known);
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([PUNCHING, [PUNCH_CONTROLLING], [PUNCH_CONTROLLED]]);
  });

  it('comes to be when the caller has its key later', () => {
    const id = ask(a, b, { publicKey: '' });
    gather(b);
    expect([at(id).state, rolesOf(a)]).toEqual([GATHERING, [GATHER]]);
    gather(a);
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([RELAYED, [RELAY], [RELAY]]);
  });

  it('is one for two that ask for each other', () => {
    const id = ask(a, b);
    done(asking(b, a));
    expect([at(id).state, rolesOf(a), rolesOf(b)]).toEqual([RELAYED, [RELAY], [RELAY]]);
  });

  it.each([
    ['none', { fallback: Fallback.NONE, ...known }, Fallback.NONE],
    ['a late one', { fallback: undefined, ...known }, undefined],
  ] as const)('does not come first when the other one that asks wants %s', (_, more, agreed) => {
    const id = ask(a, b);
    done(asking(b, a, { ...more, candidates: [...more.candidates] }));
    expect([at(id).state, at(id).fallback, rolesOf(a), rolesOf(b)]).toEqual([GATHERING, agreed, [GATHER], [GATHER]]);
    for (const end of [a, b]) gather(end, known);
    expect(at(id).state).toBe(PUNCHING);
  });

  it('is the same after a restart', () => {
    ask(a, b);
    expect(canonical(restarted())).toBe(canonical(state));
    gather(b);
    expect(canonical(restarted())).toBe(canonical(state));
  });
});

describe('a stored command', () => {
  // These are the first rules: to decide otherwise takes the next number (`core/model/rules.ts`), as journals hold such commands.
  it.each([
    ['streams', { streamsMax: 1 }],
    ['branches', { branchesMax: 1 }],
  ])('gives a relay that comes first where one of its two streams fits below the bound of %s', (_, limits) => {
    found(limits);
    const id = ask(a, b);
    gather(b);
    expect([at(id).state, state.streams.count]).toEqual([RELAYED, 2]);
  });

  it('gives a late relay although the other end has asked for none during the attempts', () => {
    const id = ask(a, b, { fallback: undefined, ...known });
    gather(b, known);
    done(asking(b, a, { fallback: Fallback.NONE, ...known }));
    for (let attempt = 0; attempt < 3; attempt++) {
      tell(a, PUNCH_CONTROLLING, false);
      tell(b, PUNCH_CONTROLLED, false);
    }
    expect([at(id).state, at(id).fallback, state.streams.count]).toEqual([RELAYED, undefined, 2]);
  });

  it('keeps the fallback of the first request where the other end asks without a key', () => {
    const id = ask(a, b);
    done(asking(b, a, { fallback: Fallback.NONE, publicKey: '', ...known }));
    gather(b);
    expect([at(id).state, at(id).fallback]).toEqual([RELAYED, Fallback.IMMEDIATE]);
  });
});

describe('a connection without a relay', () => {
  it('has failed when its attempts have', () => {
    const id = ask(a, b, { fallback: Fallback.NONE, ...known });
    gather(b, known);
    for (let attempt = 0; attempt < 3; attempt++) {
      tell(a, PUNCH_CONTROLLING, false);
      tell(b, PUNCH_CONTROLLED, false);
    }
    expect(at(id)).toMatchObject({ state: FAILED, reason: 'PATH_FAILED', relay: undefined });
    expect(at(id).description).toBe(
      'no pair of candidates answered in 3 attempts, and there is no relay: the caller wants none',
    );
  });
});

describe('a request for a connection', () => {
  it('that brings another key without an endorsement takes back the one of the key before', () => {
    const id = ask(a, b, { relayVersion: 4, endorsement: 'for the first key' });
    gather(b, { relayVersion: 4, endorsement: 'for the first key' });
    for (const end of [a, b]) answerRelay(end);
    expect([at(id).caller.endorsement, at(id).peer.endorsement]).toEqual(['for the first key', 'for the first key']);
    done(asking(a, b, { relayed: id, relayVersion: 4, ...known, publicKey: 'another key' }));
    gather(b, { ...known, publicKey: 'another key' });
    for (const end of [at(id).caller, at(id).peer]) {
      expect(end.publicKey).toBe('another key');
      expect(end).not.toHaveProperty('endorsement');
    }
  });

  it('that comes again with another fallback is a mistake, and with the same one the same request', () => {
    const id = ask(a, b, { requestId: 'r1' });
    expect(give(asking(a, b, { requestId: 'r1', fallback: Fallback.NONE }))).toMatchObject({ reason: 'FIELD_INVALID' });
    done(asking(a, b, { requestId: 'r1' }));
    expect(state.connections.of(a).map((one) => one.id)).toEqual([id]);
  });
});
