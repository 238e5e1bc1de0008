import { PunchAnswer } from '../../../gen/switchyard/v1/connection.js';
import type { Endpoint } from '../../stun/address.js';
import { anyAddress, CandidateType, familyOf } from '../direct/candidate.js';
import { PUNCH_LIMITS } from '../direct/limits.js';
import type { AttemptOutcome, PairOutcome } from '../direct/path.js';
import { durationOf } from '../duration.js';

/** Bytes of an outcome that the server takes. */
const OUTCOME_LENGTH_MAX = 120;

/** The answer to the order to punch, within the bounds of the server. `roundTripMs`: to the rendezvous. */
export function punchAnswer({ path, pairs, tookMs }: AttemptOutcome, roundTripMs: number | undefined): Uint8Array {
  return PunchAnswer.encode({
    pairs: pairs.slice(0, PUNCH_LIMITS.pairsMax).map(pairMessage),
    took: durationOf(tookMs),
    connected: path !== undefined,
    roundTrip: roundTripMs === undefined ? undefined : durationOf(roundTripMs),
  }).finish();
}

function pairMessage({ local, remote, outcome }: PairOutcome) {
  const plain = { type: CandidateType.HOST, priority: 0 };
  const cut = Buffer.from(outcome)
    .subarray(0, OUTCOME_LENGTH_MAX)
    .toString()
    .replace(/\uFFFD+$/, '');
  return { local: { ...plain, ...named(local, remote) }, remote: { ...plain, ...named(remote, local) }, outcome: cut };
}

/** A place that the server takes: one that no socket has is written as the unspecified address of the other end's family. */
function named(place: Endpoint, other: Endpoint): Endpoint {
  return place.host === '' ? { host: anyAddress(familyOf(other.host)), port: place.port } : place;
}
