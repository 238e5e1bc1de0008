import { Fault } from './fault.js';

/** There is no server to come back to before: a restart takes about so long. */
const AWAY_MS = 1_000;
/**
 * Over how long those that are let go of come back, one a millisecond: a server that has just started takes a thousand a
 * second beside its other work. Beyond ten thousand, several have one turn, because whoever waits longer than a third of
 * the grace period after a restart risks its session.
 */
const TURNS_MS = 10_000;

/**
 * The refusal of a server that goes down.
 *
 * Everybody hears it in one moment, and would come back in one moment. So the `nth` that is told is given a turn of its
 * own in its RetryInfo; a client's jitter comes on top.
 */
export function draining(nth = 0): Fault {
  return new Fault('DRAINING', 'the server is draining', [], AWAY_MS + (nth % TURNS_MS));
}
