/**
 * Everything that an end says of an address that it tried. The other end reads it, and so do administrators, so it is a
 * closed list: what libraries say of errors holds addresses of the process and names of files.
 */
export const OUTCOMES = [
  'connected',
  'answered',
  'no answer',
  'refused',
  'unreachable',
  'in use',
  'not dialled: it is not in a network of this end',
  'not needed any more',
  'not nominated',
  'closed before it was nominated',
  'closed in the handshake',
  'the handshake took too long',
  'the handshake failed',
  'the peer has another key than the one ordered',
  'the peer is an older client: it speaks only switchyard-direct/1, which cannot say where data ends',
  'the peer is an older client: it speaks only switchyard-direct/2, which cannot say where data ends',
  'the peer speaks something else',
  'the peer speaks of another connection',
  'the connection failed',
] as const;

/** One of {@link OUTCOMES}. */
export type Outcome = (typeof OUTCOMES)[number];

/** An outcome of an address, or of one that the peer came from. */
export type PairWords = Outcome | `dialled by it: ${Outcome}`;

/** What is told in the place of what is not on the list: words of an older client, or of one that would be read by others. */
export const OTHER_OUTCOME = 'another outcome';

/** Before an outcome of an address that the peer came from. */
const DIALLED = 'dialled by it: ';
const KNOWN: ReadonlySet<string> = new Set(OUTCOMES);

/** An outcome as the other end and administrators are told it: from the list, whatever an end has said. */
export function toldOutcome(outcome: string): string {
  const plain = outcome.startsWith(DIALLED) ? outcome.slice(DIALLED.length) : outcome;
  return KNOWN.has(plain) ? outcome : OTHER_OUTCOME;
}
