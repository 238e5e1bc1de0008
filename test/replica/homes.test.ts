import { beforeEach, describe, expect, it } from '@jest/globals';
import { Homes } from '../../src/replica/homes.js';
import { FOUND, Network } from '../core/network.js';

const FOUNDER = FOUND.kind === 'FoundNetwork' ? FOUND.serverUuid : '';
const SECOND = '00000000-0000-5000-8000-000000000002';

let network: Network;

beforeEach(() => {
  network = new Network();
});

const addSecond = () => network.apply({ kind: 'AddServer', uuid: SECOND, name: 'second' });

describe('a server that is alone', () => {
  it('is the home of every session, and sessions do not say so', () => {
    const homes = new Homes(network.state, undefined);
    const sid = network.open(1);
    expect([homes.own, homes.of(sid), homes.isHere(sid)]).toEqual([
      network.state.serverSid,
      network.state.serverSid,
      true,
    ]);
    expect(homes.opening()).toEqual({});
    expect(homes.shown(network.state.sessions.get(sid)!)).toEqual({
      serverSid: network.state.serverSid,
      serverUuid: FOUNDER,
    });
  });
});

describe('a server among others', () => {
  it('opens no session before it has joined them', () => {
    expect(new Homes(network.state, SECOND).opening()).toMatchObject({ reason: 'SERVER_CUT_OFF' });
  });

  it('knows which sessions are at it, and where the others are', () => {
    addSecond();
    const [first, second] = [new Homes(network.state, FOUNDER), new Homes(network.state, SECOND)];
    const [there, here] = [network.open(1), network.open(2, { server: second.own })];
    expect([first.isHere(there), second.isHere(there), second.of(there)]).toEqual([true, false, first.own]);
    expect([first.isHere(here), second.isHere(here), first.of(here)]).toEqual([false, true, second.own]);
    expect(first.shown(network.state.sessions.get(here)!)).toEqual({ serverSid: second.own, serverUuid: SECOND });
    network.close(here);
    expect([second.of(here), second.isHere(here)]).toEqual([undefined, false]);
  });

  it('has another SID after it was lost and its last session left', () => {
    addSecond();
    const homes = new Homes(network.state, SECOND);
    const before = homes.own;
    network.apply({ kind: 'LoseServer', sid: before });
    expect(homes.own).toBe(0);
    addSecond();
    expect(homes.own).toBe(network.state.servers.ofUuid(SECOND)!.sid);
    expect(homes.own).not.toBe(before);
  });
});
