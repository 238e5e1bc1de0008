import { type Checked, wholeMs } from '../core/decide/check.js';
import type { Candidate, Gathered, Pair } from '../core/model/connection.js';
import type { Limits } from '../core/model/limits.js';
import { addressBytes, addressText, isPrivateAddress } from '../stun/address.js';

/** The candidate types that an instance may name. Source: `switchyard.v1.CandidateType`. */
const HOST = 1;
const REFLEXIVE = 2;
/** A timer's bound; no round trip to a server that one can work with is near it. */
const ROUND_TRIP_MS_MAX = 5_000;

/**
 * Checks what an end brings into a punch, for every door. Answers with the candidates as they are stored: addresses in
 * one spelling.
 *
 * The server orders dials to nothing but addresses that it observed itself and to private ones, which lead nowhere but
 * into the peer's own network: otherwise an instance could have its peers dial whom it likes.
 */
export function checkCandidates(
  checked: Checked,
  limits: Limits,
  candidates: readonly Candidate[],
  isObserved: (host: string) => boolean,
): Candidate[] {
  const { candidatesMax } = limits;
  if (candidates.length > candidatesMax) {
    checked.wrong('candidates', `${candidates.length}; ${candidatesMax} are the limit`);
    return [];
  }
  return candidates.map((candidate, at) => checkCandidate(checked, `candidates[${at}]`, candidate, isObserved));
}

function checkCandidate(
  checked: Checked,
  field: string,
  candidate: Candidate,
  isObserved: (host: string) => boolean,
): Candidate {
  const { port, type, priority } = candidate;
  const bytes = addressBytes(candidate.host);
  const host = bytes === undefined ? '' : addressText(bytes);
  if (bytes === undefined) checked.wrong(`${field}.host`, 'not an IP address without zone and brackets');
  if (!(port >= 1 && port <= 65_535)) checked.wrong(`${field}.port`, `${port}; 1 to 65535 are allowed`);
  if (type !== HOST && type !== REFLEXIVE) {
    checked.wrong(`${field}.type`, `${type}; 1 (HOST) and 2 (REFLEXIVE) are allowed`);
  } else if (bytes !== undefined && !isObserved(host) && (type === REFLEXIVE || !isPrivateAddress(bytes))) {
    const also = type === HOST ? ', nor private' : '';
    checked.wrong(`${field}.host`, `${host} is not an address that this server observed${also}`);
  }
  return { host, port, type, priority };
}

/** Checks a public key. Needed unless `optional`. Answers with it as it is stored. */
export function checkPublicKey(checked: Checked, limits: Limits, publicKey: Uint8Array, optional = false): string {
  const { publicKeyBytesMax } = limits;
  if (publicKey.length === 0 && !optional) checked.wrong('public_key', 'a key is needed: DER SubjectPublicKeyInfo');
  if (publicKey.length > publicKeyBytesMax) {
    checked.wrong('public_key', `${publicKey.length} bytes; ${publicKeyBytesMax} are the limit`);
  }
  return Buffer.from(publicKey).toString('latin1');
}

/** Bytes of an endorsement: the longest, by a key of P-256, has 190. A later version may be longer. */
export const ENDORSEMENT_BYTES_MAX = 256;

/** Checks the length of an endorsement, which is for the other end alone to read. Answers with it as it is stored. */
export function checkEndorsementLength(
  checked: Checked,
  endorsement: Uint8Array | undefined,
): Pick<Gathered, 'endorsement'> {
  if (endorsement === undefined || endorsement.length === 0) return {};
  if (endorsement.length > ENDORSEMENT_BYTES_MAX) {
    checked.wrong('endorsement', `${endorsement.length} bytes; ${ENDORSEMENT_BYTES_MAX} are the limit`);
  }
  return { endorsement: Buffer.from(endorsement).toString('latin1') };
}

/** Checks a round trip. Answers with it as it is stored: whole milliseconds, and no more than makes sense. */
export function checkRoundTrip(checked: Checked, roundTripMs: number): number {
  checked.duration('round_trip', roundTripMs);
  return Math.min(wholeMs(roundTripMs), ROUND_TRIP_MS_MAX);
}

/**
 * Checks the pairs that an end tells. They are shown and never dialled, so their addresses may be any. The end's own may be empty: older
 * clients leave it so where they had no socket, and an answer refused for that would cost them the path that they found.
 */
export function checkPairs(checked: Checked, limits: Limits, pairs: readonly Pair[]): Pair[] {
  const { pairsMax, outcomeBytesMax } = limits;
  if (pairs.length > pairsMax) {
    checked.wrong('pairs', `${pairs.length}; ${pairsMax} are the limit`);
    return [];
  }
  return pairs.map(({ local, remote, outcome }, at) => {
    const field = `pairs[${at}]`;
    for (const [end, { host }] of Object.entries({ local, remote })) {
      const isUnknown = end === 'local' && host === '';
      if (!isUnknown && addressBytes(host) === undefined) checked.wrong(`${field}.${end}.host`, 'not an IP address');
    }
    const bytes = Buffer.byteLength(outcome);
    if (bytes > outcomeBytesMax) checked.wrong(`${field}.outcome`, `${bytes} bytes; ${outcomeBytesMax} are the limit`);
    return { local, remote, outcome };
  });
}
