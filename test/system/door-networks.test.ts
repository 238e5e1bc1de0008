import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { inside } from '../../harness/simulation/machine/inside.js';
import { Fault } from '../../src/core/model/fault.js';
import { FairTurns } from '../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../src/fair/limits.js';
import type { SystemBacking } from '../../src/system/conversation/backing.js';
import type { SystemPeer } from '../../src/system/conversation/peer.js';
import { SystemDoor } from '../../src/system/door.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../src/system/limits.js';
import type { Pipe } from '../../src/transport/pipe.js';

const SOUTH = { number: 1, name: 'south' };

/** A door of two networks without a transport: of `default`, which is open, and of `south`, which asks for proofs. */
describe('the door of system events', () => {
  let door: SystemDoor;
  let destroyed: number;

  beforeEach(() => {
    destroyed = 0;
    const clock = new ManualClock();
    const turns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS });
    const backing = (number: number, name: string, mode: string) =>
      ({
        clock,
        turns,
        limits: DEFAULT_SYSTEM_LIMITS,
        gatekeeper: { network: { number, name }, mode },
      }) as unknown as SystemBacking;
    door = new SystemDoor(backing(0, 'default', 'open'));
    door.addNetwork(backing(SOUTH.number, SOUTH.name, 'required'));
  });

  const pipe = () => {
    const nothing = () => {};
    const place = { establish: nothing, setBusy: nothing, leave: nothing };
    const calls = { write: nothing, end: nothing, pause: nothing, destroy: () => destroyed++ };
    return { remote: '192.0.2.1', copiesFrames: true, bufferedBytes: 0, place, ...calls } as unknown as Pipe;
  };
  const last = () => [...inside<{ peers: Set<SystemPeer> }>(door, 'peers').peers].at(-1)!.conversation;

  it('closes a connection in plain text from another machine that is to be about a network in required', () => {
    door.acceptFar(pipe());
    expect([last().moveTo('default'), destroyed]).toEqual([true, 0]);
    expect([last().moveTo('south'), destroyed]).toEqual([false, 1]);
    door.acceptFar(pipe());
    expect([last().moveTo(SOUTH.number), destroyed]).toEqual([false, 2]);
  });

  it('lets any other connection be about a network in required', () => {
    door.accept(pipe());
    expect([last().moveTo('south'), destroyed]).toEqual([true, 0]);
  });

  it('closes a connection that comes for a network that is gone, and does not take it for the default one', () => {
    const accept = door.acceptFor(SOUTH);
    expect(accept(pipe())).toBeDefined();
    door.removeNetwork(SOUTH, new Fault('NETWORK_NOT_FOUND', 'the network south was dropped'));
    expect([accept(pipe()), destroyed]).toEqual([undefined, 1]);
  });
});
