import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { inside } from '../../harness/simulation/machine/inside.js';
import { Fault } from '../../src/core/model/fault.js';
import { DEFAULT_NETWORK_REF } from '../../src/core/model/network.js';
import { FairTurns } from '../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../src/fair/limits.js';
import type { CutCause, SystemBacking } from '../../src/system/conversation/backing.js';
import type { SystemPeer } from '../../src/system/conversation/peer.js';
import { SystemDoor } from '../../src/system/door.js';
import { DEFAULT_SYSTEM_LIMITS, type SystemLimits } from '../../src/system/limits.js';
import type { Pipe } from '../../src/transport/pipe.js';

const LIMITS = { ...DEFAULT_SYSTEM_LIMITS, partialBytesMax: 1_000, outBytesInAllMax: 1_000 };

/** A connection whose client takes nothing, and of which a test says what comes. */
interface Held {
  readonly peer: SystemPeer;
  readonly isDestroyed: () => boolean;
}

/** A door without a transport: its pipes are made here, and keep what is written to them. */
class Scene {
  readonly cuts: CutCause[] = [];
  readonly door: SystemDoor;

  readonly clock = new ManualClock();
  readonly turns = new FairTurns({ clock: this.clock, limits: DEFAULT_TURN_LIMITS });
  /** What the log has of faults of the server's own. */
  readonly faults: object[] = [];

  constructor(limits: SystemLimits = LIMITS) {
    const { clock, turns } = this;
    const log = { error: (facts: object) => void this.faults.push(facts) };
    const random = { bytes: () => new Uint8Array(4) };
    const gatekeeper = { network: DEFAULT_NETWORK_REF };
    const backing = {
      clock,
      turns,
      limits,
      log,
      random,
      gatekeeper,
      cutOff: (cause: CutCause) => this.cuts.push(cause),
    };
    this.door = new SystemDoor(backing as unknown as SystemBacking);
  }

  connect(): Held {
    let isDestroyed = false;
    const place = { establish: () => {}, setBusy: () => {}, leave: () => {} };
    const pipe = {
      remote: '192.0.2.1',
      copiesFrames: true,
      bufferedBytes: 0,
      place,
      write: () => {},
      end: () => {},
      pause: () => {},
    };
    const destroy = () => {
      isDestroyed = true;
    };
    this.door.accept({ ...pipe, destroy } as unknown as Pipe);
    // What accept answers with is fenced, and knows nothing of what is sent.
    const peer = [...inside<{ peers: Set<SystemPeer> }>(this.door, 'peers').peers].at(-1)!;
    return { peer, isDestroyed: () => isDestroyed };
  }
}

/** What is held for connections of system events, and how a connection comes to hold so many bytes of it. */
const KINDS = [
  { kind: 'out', cause: 'untaken', hold: (peer: SystemPeer, bytes: number) => peer.sendFrames(new Uint8Array(bytes)) },
  { kind: 'partial', cause: 'partial', hold: (peer: SystemPeer, bytes: number) => peer.partial(bytes) },
] as const;

describe.each(KINDS)('beyond the bound of all connections, $kind bytes', ({ kind, cause, hold }) => {
  it('cut off the connection that holds most, and not the one that passes the bound', () => {
    const scene = new Scene();
    const [small, large, last] = [scene.connect(), scene.connect(), scene.connect()];
    hold(small.peer, 100);
    hold(large.peer, 800);
    hold(last.peer, 100);
    expect(scene.cuts).toEqual([]);
    const late = scene.connect();
    hold(late.peer, 1);
    expect(scene.cuts).toEqual([cause]);
    expect([small, large, last, late].map(({ isDestroyed }) => isDestroyed())).toEqual([false, true, false, false]);
    expect(scene.door.heldBytes()[kind]).toBe(201);
  });

  it('count no more of a connection that is cut off, and cut it off once', () => {
    const scene = new Scene();
    const { peer } = scene.connect();
    hold(peer, 1_001);
    hold(peer, 5_000);
    expect(scene.cuts).toEqual([cause]);
    expect(scene.door.heldBytes()[kind]).toBe(0);
    peer.closed();
    expect(scene.door.heldBytes()[kind]).toBe(0);
  });

  it('cut off the connection that holds most though the server has ended it and waits for the client', () => {
    const scene = new Scene();
    const [ended, other] = [scene.connect(), scene.connect()];
    hold(ended.peer, 900);
    ended.peer.garbled(new Fault('TOO_LARGE', 'a packet of 4294967295 bytes'));
    hold(other.peer, 200);
    expect(scene.cuts).toEqual(['frame', cause]);
    expect([ended, other].map(({ isDestroyed }) => isDestroyed())).toEqual([true, false]);
  });
});

describe('unfinished packets of a connection', () => {
  it('count until they are finished', () => {
    const scene = new Scene();
    const { peer } = scene.connect();
    for (let round = 0; round < 3; round++) {
      peer.partial(900);
      expect(scene.door.heldBytes().partial).toBe(900);
      peer.partial(0);
      expect(scene.door.heldBytes().partial).toBe(0);
    }
    expect(scene.cuts).toEqual([]);
  });

  it('count no more when it is closed', () => {
    const scene = new Scene();
    const { peer } = scene.connect();
    peer.partial(900);
    peer.closed();
    expect(scene.door.heldBytes().partial).toBe(0);
  });
});

describe('a connection of system events whose part throws in a turn of its own', () => {
  const broken = () => {
    throw new Error('broken');
  };
  const WAYS = [
    {
      how: 'as it sends',
      begin: ({ peer }: Held) => {
        Object.defineProperty(peer.conversation, 'outbox', { value: { pump: broken } });
        peer.stir();
      },
    },
    {
      how: 'as its address has its turn',
      begin: ({ peer }: Held, { turns }: Scene) => {
        turns.charge('192.0.2.1', 5);
        peer.packet(new Uint8Array(8));
        Object.assign(inside<{ inbox: object }>(peer, 'inbox').inbox, { take: broken });
      },
    },
    {
      how: 'as it is looked at',
      begin: ({ peer }: Held) => Object.assign(inside<{ vigil: object }>(peer, 'vigil').vigil, { passed: broken }),
    },
  ];

  it.each(WAYS)('$how is closed, and no other', ({ begin }) => {
    const scene = new Scene();
    const [failing, other] = [scene.connect(), scene.connect()];
    begin(failing, scene);
    scene.clock.advance(1_500);
    expect([failing, other].map(({ isDestroyed }) => isDestroyed())).toEqual([true, false]);
    expect(scene.faults[0]).toMatchObject({ door: 'system', err: new Error('broken') });
    other.peer.partial(1);
    expect(scene.door.heldBytes().partial).toBe(1);
  });
});
