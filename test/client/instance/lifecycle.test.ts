import { describe, expect, it } from '@jest/globals';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';
import { type Event, eventOf, next, type State } from '../../../src/client/instance/lifecycle.js';

const STATES: State[] = ['opening', 'attaching', 'attached', 'reattaching', 'reopening', 'leaving', 'ended'];
const EVENTS: Event[] = ['opened', 'welcomed', 'broke', 'lost', 'over', 'rested', 'leave', 'detach', 'left'];

/** Every cell that leads elsewhere; all others stay. */
const MOVES: Record<string, State> = {
  'opening opened': 'attaching',
  'opening broke': 'reopening',
  'opening lost': 'reopening',
  'opening over': 'ended',
  'opening leave': 'ended',
  'opening detach': 'ended',
  'attaching welcomed': 'attached',
  'attaching broke': 'reattaching',
  'attaching lost': 'reopening',
  'attaching over': 'ended',
  'attaching leave': 'leaving',
  'attaching detach': 'ended',
  'attached broke': 'reattaching',
  'attached lost': 'reopening',
  'attached over': 'ended',
  'attached leave': 'leaving',
  'attached detach': 'ended',
  'reattaching lost': 'reopening',
  'reattaching over': 'ended',
  'reattaching rested': 'attaching',
  'reattaching leave': 'leaving',
  'reattaching detach': 'ended',
  'reopening over': 'ended',
  'reopening rested': 'opening',
  'reopening leave': 'ended',
  'reopening detach': 'ended',
  'leaving lost': 'ended',
  'leaving over': 'ended',
  'leaving detach': 'ended',
  'leaving left': 'ended',
};

describe('the lifecycle of an instance', () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)))('%s, %s', (state, event) => {
    expect(next(state, event)).toBe(MOVES[`${state} ${event}`] ?? state);
  });

  it.each(['SESSION_SUPERSEDED', 'SESSION_TERMINATED'])('%s is over in every state, whatever its code', (reason) => {
    for (const code of [StatusCode.ABORTED, StatusCode.UNAUTHENTICATED, StatusCode.UNAVAILABLE]) {
      expect(eventOf(new SwitchyardError(code, '', { reason, retryAfterMs: 1 }))).toBe('over');
    }
    for (const state of STATES) expect(next(state, 'over')).toBe('ended');
  });

  it('can always be left, and nothing leads out of its end', () => {
    for (const state of STATES) {
      expect(['leaving', 'ended']).toContain(next(state, 'leave'));
      expect(next(state, 'detach')).toBe('ended');
    }
    for (const event of EVENTS) expect(next('ended', event)).toBe('ended');
  });

  it.each([
    [StatusCode.UNAVAILABLE, undefined, 'broke'],
    [StatusCode.INTERNAL, 'INTERNAL', 'broke'],
    [StatusCode.RESOURCE_EXHAUSTED, 'SESSION_LIMIT', 'broke'],
    [StatusCode.DEADLINE_EXCEEDED, undefined, 'broke'],
    [StatusCode.CANCELLED, undefined, 'broke'],
    [StatusCode.UNKNOWN, undefined, 'broke'],
    [StatusCode.ABORTED, 'ATTACHMENT_REPLACED', 'broke'],
    [StatusCode.ABORTED, 'SESSION_EXPIRED', 'lost'],
    [StatusCode.UNAUTHENTICATED, 'SESSION_TOKEN_INVALID', 'lost'],
    [StatusCode.UNAUTHENTICATED, 'SESSION_SERVER_LOST', 'lost'],
    [StatusCode.UNAUTHENTICATED, 'SESSION_TOKEN_MISSING', 'over'],
    [StatusCode.UNAUTHENTICATED, undefined, 'over'],
    [StatusCode.INVALID_ARGUMENT, 'FIELD_INVALID', 'over'],
    [StatusCode.UNIMPLEMENTED, undefined, 'over'],
  ])('code %d with reason %s is %s', (code, reason, event) => {
    expect(eventOf(new SwitchyardError(code, '', { reason }))).toBe(event);
  });
});
