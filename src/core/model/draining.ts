import { Fault } from './fault.js';

/** Addresses that one refusal names: they go in a trailer, of which clients take 8 KiB, and an address has 261 bytes at most. */
const NAMED_MAX = 8;

/** There is no server to come back to before: a restart takes about so long. */
const AWAY_MS = 1_000;
/**
 * Over how long those that are let go of come back, one a millisecond: a server that has just started takes a thousand a
 * second beside its other work. Beyond ten thousand, several have one turn.
 */
const TURNS_MS = 10_000;

/** What part of its life a session is told to stay away at most, and over which part the turns are spread. */
const AWAY_PART = 6;
const TURNS_PART = 3;

/**
 * The refusal of a server that goes down.
 *
 * Everybody hears it in one moment, and would come back in one moment. So the `nth` that is told is given a turn of its
 * own in its RetryInfo; a client's jitter comes on top. `livesMs` is for how long a session lives at the next server before
 * it has to show itself: nobody is told to stay away for more than half of that, whatever it is that ends or is refused.
 */
export function draining(nth: number, livesMs: number): Fault {
  const awayMs = Math.min(AWAY_MS, Math.floor(livesMs / AWAY_PART));
  const turnsMs = Math.max(1, Math.min(TURNS_MS, Math.floor(livesMs / TURNS_PART)));
  return new Fault('DRAINING', 'the server is draining', [], awayMs + (nth % turnsMs));
}

/**
 * The same where other servers of the network are there to go to: at once, as each of them takes its part. The `nth` that is told is
 * named another one first.
 */
export function goElsewhere(why: string, others: readonly string[], nth: number): Fault {
  const named = Array.from(
    { length: Math.min(NAMED_MAX, others.length) },
    (_, at) => others[(nth + at) % others.length],
  );
  return new Fault('DRAINING', `${why}; there are others`, [], 0, { servers: named.join(',') });
}
