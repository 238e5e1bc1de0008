import { describe, expect, it } from '@jest/globals';
import {
  type ConversationEvent,
  type ConversationState,
  nextConversation,
} from '../../../src/system/conversation/conversation-state.js';

const STATES: ConversationState[] = ['new', 'opening', 'open', 'terminating', 'over'];
const EVENTS: ConversationEvent[] = ['begin', 'refuse', 'enter', 'terminate', 'keep', 'end'];

/** Every cell that leads elsewhere; all others stay. */
const MOVES: Record<string, ConversationState> = {
  'new begin': 'opening',
  'new enter': 'open',
  'new end': 'over',
  'opening refuse': 'new',
  'opening enter': 'open',
  'opening end': 'over',
  'open terminate': 'terminating',
  'open end': 'over',
  'terminating keep': 'open',
  'terminating end': 'over',
};

describe('the state of a conversation of system events', () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)))('%s, %s', (state, event) => {
    expect(nextConversation(state, event)).toBe(MOVES[`${state} ${event}`] ?? state);
  });

  it('can always be ended, and nothing leads out of its end', () => {
    for (const state of STATES) expect(nextConversation(state, 'end')).toBe('over');
    for (const event of EVENTS) expect(nextConversation('over', event)).toBe('over');
  });

  it('never takes a second session: once open, no event leads back to new or opening', () => {
    const later = new Set<ConversationState>(['open']);
    for (let size = 0; size < later.size; ) {
      size = later.size;
      for (const state of [...later]) for (const event of EVENTS) later.add(nextConversation(state, event));
    }
    expect([...later].sort()).toEqual(['open', 'over', 'terminating']);
  });
});
