import { describe, expect, it } from '@jest/globals';
import {
  hasLeftFirst,
  type InEvent,
  type InState,
  nextIn,
  nextOut,
  type OutEvent,
  type OutState,
} from '../../../src/client/carrier/way-state.js';

const OUT: OutState[] = ['first', 'moving', 'direct', 'ending', 'movingToEnd', 'ended', 'directEnded'];
const OUT_EVENTS: OutEvent[] = ['leave', 'moved', 'finish', 'said'];
const IN: InState[] = ['first', 'direct', 'ended', 'directEnded'];
const IN_EVENTS: InEvent[] = ['moved', 'ended'];

/** Every cell that leads elsewhere; all others stay. */
const OUT_MOVES: Record<string, OutState> = {
  'first leave': 'moving',
  'first finish': 'ending',
  'moving moved': 'direct',
  'moving finish': 'movingToEnd',
  'direct finish': 'directEnded',
  'ending said': 'ended',
  'movingToEnd moved': 'directEnded',
  'movingToEnd said': 'ended',
};
const IN_MOVES: Record<string, InState> = {
  'first moved': 'direct',
  'first ended': 'ended',
  'direct ended': 'directEnded',
};

describe('the ways of a connection that may move to a direct path', () => {
  it.each(OUT.flatMap((state) => OUT_EVENTS.map((event) => [state, event] as const)))('out: %s, %s', (state, event) => {
    expect(nextOut(state, event)).toBe(OUT_MOVES[`${state} ${event}`] ?? state);
  });

  it.each(IN.flatMap((state) => IN_EVENTS.map((event) => [state, event] as const)))('in: %s, %s', (state, event) => {
    expect(nextIn(state, event)).toBe(IN_MOVES[`${state} ${event}`] ?? state);
  });

  it('leave the first carrier when neither end says anything more there and one of them has moved', () => {
    const left = IN.flatMap((into) => OUT.filter((out) => hasLeftFirst(into, out)).map((out) => `${into} ${out}`));
    expect(left.sort()).toEqual([
      'direct direct',
      'direct directEnded',
      'direct ended',
      'directEnded direct',
      'directEnded directEnded',
      'directEnded ended',
      'ended direct',
      'ended directEnded',
    ]);
  });

  it('never come back to the first carrier once they have left it', () => {
    for (const into of IN) {
      for (const out of OUT.filter((one) => hasLeftFirst(into, one))) {
        for (const event of OUT_EVENTS) expect(hasLeftFirst(into, nextOut(out, event))).toBe(true);
        for (const event of IN_EVENTS) expect(hasLeftFirst(nextIn(into, event), out)).toBe(true);
      }
    }
  });
});
