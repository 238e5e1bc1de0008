import { describe, expect, it } from '@jest/globals';
import {
  type BrokeredEvent,
  type BrokeredState,
  nextBrokered,
  nextSockets,
  type SocketsEvent,
  type SocketsState,
} from '../../../src/client/connection/brokered-state.js';

const STATES: BrokeredState[] = ['making', 'standing', 'parted', 'over'];
const EVENTS: BrokeredEvent[] = ['handOut', 'part', 'end'];

/** Every cell that leads elsewhere; all others stay. */
const MOVES: Record<string, BrokeredState> = {
  'making handOut': 'standing',
  'making part': 'over',
  'making end': 'over',
  'standing part': 'parted',
  'standing end': 'over',
  'parted end': 'over',
};

describe('the state of one end of a brokered connection', () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)))('%s, %s', (state, event) => {
    expect(nextBrokered(state, event)).toBe(MOVES[`${state} ${event}`] ?? state);
  });

  it('is over for good, and a connection that the server has parted from is never reported again', () => {
    for (const event of EVENTS) {
      expect(nextBrokered('over', event)).toBe('over');
      expect(['parted', 'over']).toContain(nextBrokered('parted', event));
    }
  });
});

const SOCKETS: SocketsState[] = ['fresh', 'taken', 'punched', 'closed'];
const SOCKETS_EVENTS: SocketsEvent[] = ['take', 'punch', 'close'];
const SOCKETS_MOVES: Record<string, SocketsState> = {
  'fresh take': 'taken',
  'fresh punch': 'punched',
  'fresh close': 'closed',
  'taken punch': 'punched',
  'closed punch': 'punched',
};

describe('the sockets that were opened with a connection', () => {
  it.each(SOCKETS.flatMap((state) => SOCKETS_EVENTS.map((event) => [state, event] as const)))(
    '%s, %s',
    (state, event) => {
      expect(nextSockets(state, event)).toBe(SOCKETS_MOVES[`${state} ${event}`] ?? state);
    },
  );

  it('are fresh once: no event leads back', () => {
    for (const state of SOCKETS.slice(1)) {
      for (const event of SOCKETS_EVENTS) expect(nextSockets(state, event)).not.toBe('fresh');
    }
  });
});
