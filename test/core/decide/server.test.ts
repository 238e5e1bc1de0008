import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { apply } from '../../../src/core/decide/apply.js';
import type { Command } from '../../../src/core/model/command.js';
import { orderedLink } from '../../../src/core/model/link.js';
import { SERVERS_MAX } from '../../../src/core/model/server.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { canonical } from '../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../src/core/store/snapshot.js';
import { audit } from '../audit.js';
import { FOUND, kinds, Network, opening } from '../network.js';

const FOUND_UUID = FOUND.kind === 'FoundNetwork' ? FOUND.serverUuid : '';

const uuidOf = (server: number) => `00000000-0000-5000-8000-${String(server).padStart(12, '0')}`;

let network: Network;
let founder: number;

beforeEach(() => {
  network = new Network();
  founder = network.state.serverSid;
});

function add(server: number): number {
  network.apply({ kind: 'AddServer', uuid: uuidOf(server), name: `s${server}` });
  return network.state.servers.ofUuid(uuidOf(server))!.sid;
}

const lose = (sid: number) => network.apply({ kind: 'LoseServer', sid });
const move = (sid: number, server: number) => network.apply({ kind: 'MoveSession', sid, server });
const linksOf = (sid: number) => network.state.graph.linksOf(sid);

/** The same state once it was stored and read again. */
function restored(): string {
  const restoring = new Restoring(network.state.limits);
  for (const row of rowsOf(capture(network.state))) restoring.add(row);
  return canonical(restoring.state);
}

describe('AddServer', () => {
  it('makes a node of type SERVER without links', () => {
    const sid = add(2);
    expect(sid & 7).toBe(1);
    expect(sid).not.toBe(founder);
    expect(network.state.graph.has(sid)).toBe(true);
    expect(linksOf(sid)).toEqual([]);
  });

  it('changes nothing when the server serves already', () => {
    const sid = add(2);
    expect(network.wouldChange({ kind: 'AddServer', uuid: uuidOf(2), name: 's2' })).toEqual([]);
    expect(network.state.servers.get(sid)).toMatchObject({ isLive: true });
  });

  it('gives a lost server with sessions its node back', () => {
    const sid = add(2);
    network.open(1, { server: sid });
    lose(sid);
    expect(network.state.servers.isLive(sid)).toBe(false);
    expect(add(2)).toBe(sid);
    expect(network.state.servers.isLive(sid)).toBe(true);
  });

  it('gives the founder a name, and its node again when that has gone', () => {
    const { serverUuid } = network.state;
    network.apply({ kind: 'AddServer', uuid: serverUuid, name: 'first' });
    expect(network.state.servers.get(founder)).toMatchObject({ name: 'first', isLive: true });
    add(3);
    lose(founder);
    expect(network.state.graph.has(founder)).toBe(false);
    network.apply({ kind: 'AddServer', uuid: serverUuid, name: 'first' });
    const { serverSid } = network.state;
    expect(serverSid).not.toBe(founder);
    const sid = network.open(1);
    expect(linksOf(sid)).toEqual([orderedLink(sid, serverSid, 0)]);
  });

  it(`refuses server ${SERVERS_MAX + 1}`, () => {
    for (let server = 1; server < SERVERS_MAX; server++) add(server);
    const one = { kind: 'AddServer', uuid: uuidOf(SERVERS_MAX), name: '' } as const;
    expect(network.refused(one)).toMatchObject({ reason: 'SID_EXHAUSTED' });
  });
});

describe('LoseServer', () => {
  it('takes the node of a server without sessions along, and its links to servers', () => {
    const [one, other] = [add(2), add(3)];
    network.connect(one, other, 0);
    network.report(one, founder, 0);
    expect(kinds(lose(one).changes)).toEqual(['LinkReportSettled', 'LinkRemoved', 'ServerRemoved']);
    expect(network.state.graph.has(one)).toBe(false);
    expect(linksOf(other)).toEqual([]);
  });

  it('leaves the node and the links of sessions, however many there are', () => {
    const sid = add(2);
    const sessions = Array.from({ length: 50 }, (_, at) => network.open(at + 1, { server: sid }));
    expect(kinds(lose(sid).changes)).toEqual(['ServerChanged']);
    expect(linksOf(sid)).toHaveLength(sessions.length);
  });

  it('is refused of the last server that serves, and leaves what a snapshot can say', () => {
    const refusal = network.refused({ kind: 'LoseServer', sid: founder });
    expect(refusal).toMatchObject({ reason: 'OUT_OF_ORDER', message: `server ${founder} is the only one that serves` });
    const sid = add(2);
    lose(founder);
    network.refused({ kind: 'LoseServer', sid });
    expect(restored()).toBe(canonical(network.state));
  });

  it('changes nothing of a server that is lost or was never there', () => {
    expect(network.wouldChange({ kind: 'LoseServer', sid: 9 })).toEqual([]);
    const sid = add(2);
    network.open(1, { server: sid });
    lose(sid);
    expect(network.wouldChange({ kind: 'LoseServer', sid })).toEqual([]);
  });
});

describe('a session', () => {
  it('is at the server that it was opened at, and has its link', () => {
    const server = add(2);
    const sid = network.open(1, { server });
    expect(network.state.sessions.get(sid)).toMatchObject({ home: server });
    expect(linksOf(sid)).toEqual([orderedLink(sid, server, 0)]);
  });

  it('without a server is at the founder and does not say so, as in every journal of one server', () => {
    const sid = network.open(1, { server: founder });
    expect(network.state.sessions.get(sid)).not.toHaveProperty('home');
    expect(network.state.sessions.homeOf(sid)).toBe(0);
  });

  it('is refused at a server that is lost, and at one that was never there', () => {
    const server = add(2);
    network.open(1, { server });
    lose(server);
    for (const gone of [server, 77, 0]) {
      expect(network.refused(opening(2, { server: gone }))).toMatchObject({ reason: 'SERVER_CUT_OFF' });
    }
  });

  it('moves with its links and streams, in one revision', () => {
    const server = add(2);
    const [sid, peer] = [network.open(1), network.open(2)];
    network.connect(sid, peer, 1);
    const stream = network.stream(sid, [peer]);
    expect(kinds(move(sid, server).changes)).toEqual(['LinkRemoved', 'SessionMoved', 'LinkAdded']);
    expect(network.state.sessions.get(sid)).toMatchObject({ home: server });
    expect(linksOf(sid)).toEqual([orderedLink(sid, server, 0), orderedLink(sid, peer, 1)]);
    expect(network.state.streams.get(stream.id)).toMatchObject({ owner: sid });
    expect(network.wouldChange({ kind: 'MoveSession', sid, server })).toEqual([]);
  });

  it('does not move to a server that is lost, nor when it has ended', () => {
    const server = add(2);
    network.open(9, { server });
    const sid = network.open(1);
    lose(server);
    expect(network.refused({ kind: 'MoveSession', sid, server })).toMatchObject({ reason: 'SERVER_CUT_OFF' });
    network.close(sid);
    expect(network.refused({ kind: 'MoveSession', sid, server: founder })).toMatchObject({
      reason: 'SESSION_NOT_FOUND',
    });
  });

  it('takes the node of a lost server along when it is the last to move, or to end', () => {
    for (const leave of [(sid: number) => move(sid, founder), (sid: number) => network.close(sid)]) {
      const server = add(2);
      const [one, last] = [network.open(1, { server }), network.open(2, { server })];
      lose(server);
      expect(kinds(leave(one).changes)).not.toContain('ServerRemoved');
      expect(kinds(leave(last).changes).at(-1)).toBe('ServerRemoved');
      expect(network.state.graph.has(server)).toBe(false);
    }
  });

  it('is not ended by an expiry of a server that it has left', () => {
    const server = add(2);
    const sid = network.open(1);
    move(sid, server);
    const expiry = { kind: 'CloseSession', sid, reason: CloseReason.EXPIRED } as const;
    expect(network.refused({ ...expiry, home: founder })).toMatchObject({ reason: 'OUT_OF_ORDER' });
    expect(network.state.sessions.has(sid)).toBe(true);
    network.apply({ ...expiry, home: server });
    expect(network.state.sessions.has(sid)).toBe(false);
  });
});

describe('a link between two servers', () => {
  it('stands once both have reported it', () => {
    const [one, other] = [add(2), add(3)];
    network.report(one, other, 0);
    expect(linksOf(one)).toEqual([]);
    network.report(other, one, 0);
    expect(linksOf(one)).toEqual([{ a: one, b: other, link: 0 }]);
    expect(network.state.servers.peersOf(one)).toEqual([other]);
    network.report(one, other, 0, false);
    expect(linksOf(other)).toEqual([]);
    expect(network.state.servers.peersOf(one)).toEqual([]);
  });

  it('stands whatever number of sessions the servers have', () => {
    network = new Network({ linksPerNodeMax: 2 });
    const [one, other] = [add(2), add(3)];
    for (let at = 1; at < 5; at++) network.open(at, { server: one });
    network.connect(one, other, 0);
    expect(network.state.servers.peersOf(other)).toEqual([one]);
  });

  it('is refused with a server that is lost, and a session reports none to a server', () => {
    const [one, other] = [add(2), add(3)];
    network.open(1, { server: other });
    const sid = network.open(2);
    lose(other);
    const report = { kind: 'ReportLink', link: 0, established: true } as const;
    expect(network.refused({ ...report, sid: one, peer: other })).toMatchObject({ reason: 'NODE_NOT_FOUND' });
    expect(network.refused({ ...report, sid: other, peer: one })).toMatchObject({ reason: 'NODE_NOT_FOUND' });
    expect(network.refused({ ...report, sid, peer: one })).toMatchObject({ reason: 'FIELD_INVALID' });
    expect(network.refused({ ...report, sid: one, peer: sid })).toMatchObject({ reason: 'SESSION_NOT_FOUND' });
  });
});

/** Something that is done with the server or the instance of that number. */
interface Act {
  readonly kind: 'add' | 'lose' | 'open' | 'close' | 'move' | 'report';
  readonly at: number;
  readonly server: number;
  readonly isUp: boolean;
}

describe('any sequence of commands about servers', () => {
  const at = fc.integer({ min: 0, max: 4 });
  const act: fc.Arbitrary<Act> = fc.record({
    kind: fc.constantFrom('add', 'lose', 'open', 'close', 'move', 'report'),
    ...{ at, server: at, isUp: fc.boolean() },
  });

  it('keeps the graph whole, and gives the same state after a snapshot', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        network = new Network();
        for (const one of acts) tryOut(one);
        expect(audit(network.state)).toEqual([]);
        expect(restored()).toBe(canonical(network.state));
      }),
      { numRuns: 200 },
    );
  });

  it('leaves what a fresh session there gives, once every session has moved', () => {
    const moved = new Network();
    const fresh = new Network();
    for (const one of [moved, fresh]) one.apply({ kind: 'AddServer', uuid: uuidOf(2), name: '' });
    const { sid: server } = moved.state.servers.ofUuid(uuidOf(2))!;
    for (let instance = 1; instance < 20; instance++) {
      moved.apply({ kind: 'MoveSession', sid: moved.open(instance), server });
      fresh.open(instance, { server });
      fresh.apply({ kind: 'SetLimits', limits: { ...fresh.state.limits } });
    }
    const text = (one: Network) => canonical(one.state).replace(/"(openedRevision|revision)":\d+/g, '"$1":0');
    expect(text(moved)).toBe(text(fresh));
  });

  function tryOut(one: Act): void {
    const { state } = network;
    const server = state.servers.ofUuid(uuidOf(one.server))?.sid ?? 0;
    const sid = state.sessions.ofInstance(opening(one.at).uuid)?.sid ?? 0;
    const other = state.servers.ofUuid(uuidOf(one.at))?.sid ?? 0;
    const commands: Record<Act['kind'], Command> = {
      add: { kind: 'AddServer', uuid: one.at === 0 ? FOUND_UUID : uuidOf(one.at), name: `s${one.at}` },
      lose: { kind: 'LoseServer', sid: one.at === 0 ? state.serverSid : other },
      open: opening(one.at, { server }),
      close: { kind: 'CloseSession', sid, reason: CloseReason.EXPIRED },
      move: { kind: 'MoveSession', sid, server },
      report: { kind: 'ReportLink', sid: other, peer: server, link: 0, established: one.isUp },
    };
    apply(state, commands[one.kind]);
  }
});
