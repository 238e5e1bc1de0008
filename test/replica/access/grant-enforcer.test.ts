import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { apply } from '../../../src/core/decide/apply.js';
import type { Change } from '../../../src/core/model/change.js';
import type { Command } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { State } from '../../../src/core/store/state.js';
import { GrantEnforcer } from '../../../src/replica/access/grant-enforcer.js';

const SSH = [{ first: 22, last: 22 }];
const HTTPS = [{ first: 443, last: 443 }];
const NAMED = { flavor: 0, ttlMs: 1_000, name: '', labels: {}, tokenHash: '', atMs: 0 };

/** A server of a network whose policy asks for no proofs of its own, while the server does. */
describe('connections under a grant with ports, of which a server does not know what was told', () => {
  let clock: ManualClock;
  let state: State;
  let ports = SSH;
  let leads: boolean;
  let submitted: Command[];
  let enforcer: GrantEnforcer;

  function give(command: Command): readonly Change[] {
    const applied = apply(state, command);
    if (isFault(applied)) throw new Error(applied.message);
    return applied.changes;
  }

  const publish = (command: Command) => {
    enforcer.publish(state.position, give(command));
    clock.advance(10);
  };

  function open(n: number): number {
    const uuid = `00000000-0000-4000-8000-00000000000${n}`;
    const keyId = String(n).repeat(32);
    publish({ kind: 'BindKey', uuid, keyId, key: keyId, atMs: 1 });
    publish({ kind: 'OpenSession', uuid, type: 2, ...NAMED, proven: { identity: uuid, keyId, key: keyId } });
    return state.sessions.ofInstance(uuid)!.sid;
  }

  function connect(): void {
    const [sid, peer] = [open(1), open(2)];
    const asked = { link: 1, host: '198.51.100.1', port: 5_000, relayed: 0, deadlineMs: 10_000, fallback: 1 } as const;
    const known = { candidates: [], publicKey: 'key', roundTripMs: 0, relayVersion: 3, nonce: 'n', atMs: 1 };
    publish({ kind: 'AskConnection', sid, peer, ...asked, ...known });
  }

  /** Another process at the same state. */
  function start(isLeading: boolean): void {
    leads = isLeading;
    submitted = [];
    enforcer = new GrantEnforcer({
      ...{ state, clock, grants: () => true, portsOf: () => ports, leads: () => leads },
      submit: async (command) => void submitted.push(command),
    });
    enforcer.restore();
    enforcer.begin();
    clock.advance(10);
  }

  beforeEach(() => {
    clock = new ManualClock();
    state = new State(DEFAULT_LIMITS);
    ports = SSH;
    give({ kind: 'FoundNetwork', epoch: 'e', serverUuid: 's', atMs: 0 });
    start(true);
    connect();
  });

  const closed = () => submitted.map(({ kind }) => kind);

  it('goes on at a follower that starts', () => {
    start(false);
    open(3);
    expect(closed()).toEqual([]);
  });

  it('is closed by a server that starts as the one that leads', () => {
    start(true);
    expect(closed()).toEqual(['ReportLink']);
  });

  it('is closed by a follower with the first command after it began to lead', () => {
    start(false);
    leads = true;
    open(3);
    expect(closed()).toEqual(['ReportLink']);
  });

  it('is closed by a server that knows what was told, also a follower, when it becomes something else', () => {
    leads = false;
    ports = HTTPS;
    enforcer.begin();
    clock.advance(10);
    expect(closed()).toEqual(['ReportLink']);
  });

  it('goes on at a server that knows what was told when it begins to lead', () => {
    leads = false;
    open(3);
    leads = true;
    open(4);
    expect(closed()).toEqual([]);
  });
});
