import { describe, expect, it } from '@jest/globals';
import {
  CONNECTION_EVENTS,
  type Connection,
  type ConnectionEvent,
  ConnectionState,
  nextState,
  startAfterMs,
  stepped,
} from '../../../src/core/model/connection.js';

type StateName = keyof typeof ConnectionState;

/** Every way out of a state; what is not here leads nowhere. */
const WAYS: Readonly<Record<StateName, Partial<Record<ConnectionEvent, StateName>>>> = {
  ASKED: {
    ordered: 'ORDERED',
    refused: 'FAILED',
    expired: 'FAILED',
    lost: 'FAILED',
    closed: 'CANCELLED',
    left: 'CANCELLED',
  },
  ORDERED: {
    accepted: 'GATHERING',
    started: 'PUNCHING',
    relaying: 'RELAYED',
    refused: 'FAILED',
    expired: 'FAILED',
    lost: 'FAILED',
    closed: 'CANCELLED',
    left: 'CANCELLED',
  },
  GATHERING: {
    started: 'PUNCHING',
    relaying: 'RELAYED',
    refused: 'FAILED',
    expired: 'FAILED',
    lost: 'FAILED',
    closed: 'CANCELLED',
    left: 'CANCELLED',
  },
  PUNCHING: {
    started: 'PUNCHING',
    relaying: 'RELAYED',
    linked: 'ESTABLISHED',
    refused: 'FAILED',
    expired: 'FAILED',
    exhausted: 'FAILED',
    lost: 'FAILED',
    closed: 'CANCELLED',
    left: 'CANCELLED',
  },
  ESTABLISHED: { returning: 'RELAYED', lost: 'FAILED', closed: 'CANCELLED', left: 'CANCELLED' },
  RELAYED: {
    started: 'RELAYED',
    returning: 'RELAYED',
    linked: 'ESTABLISHED',
    refused: 'FAILED',
    expired: 'FAILED',
    lost: 'FAILED',
    closed: 'CANCELLED',
    left: 'CANCELLED',
  },
  FAILED: {},
  CANCELLED: {},
};

const CELLS = (Object.keys(WAYS) as StateName[]).flatMap((state) =>
  CONNECTION_EVENTS.map((event) => ({ state, event, to: WAYS[state][event] })),
);

const end = (sid: number, roundTripMs: number) => {
  return { sid, candidates: [], publicKey: 'k', roundTripMs, relayVersion: 0, reported: 0 as const };
};
const connection: Connection = {
  id: 12,
  caller: end(514, 80),
  peer: end(770, 20),
  link: 1,
  listening: { host: '', port: 0 },
  state: ConnectionState.PUNCHING,
  askedAtMs: 0,
  attempts: [],
  path: 0,
  roundTripMs: 0,
  relay: undefined,
  reason: undefined,
  description: '',
};

describe('the table of connections', () => {
  it.each(CELLS)('leads from $state by $event to $to', ({ state, event, to }) => {
    expect(nextState(ConnectionState[state], event)).toBe(to && ConnectionState[to]);
  });

  it('takes no step that it does not know', () => {
    expect(() => stepped({ ...connection, state: ConnectionState.FAILED }, 'linked')).toThrow('c12: linked in state 7');
  });
});

describe('the start of an attempt', () => {
  it('is the same moment at both ends, each counting from the arrival of its own order', () => {
    const begins = (side: 'caller' | 'peer') => startAfterMs(connection, side) + connection[side].roundTripMs / 2;
    expect(begins('caller')).toBe(begins('peer'));
    expect(startAfterMs(connection, 'caller')).toBeGreaterThan(0);
  });
});
