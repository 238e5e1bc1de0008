import { GatherAnswer } from '../../../gen/switchyard/v1/connection.js';
import type { DirectConnectionRequest } from '../../../gen/switchyard/v1/network_service.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { CallOptions } from '../channel/call.js';
import type { GatheredPaths } from '../direct/gather.js';
import { durationOf } from '../duration.js';
import type { BrokeredFacts } from './brokered-desk.js';
import { RELAY_VERSION } from './open-relayed.js';

/** What an end knows of itself as it asks. */
export type Known = Pick<GatheredPaths, 'candidates' | 'roundTripMs'>;

/** What it knows before it has gathered. */
export const NOT_GATHERED: Known = { candidates: [], roundTripMs: undefined };

/** A request for a connection that the server coordinates. */
export function connectionRequest(
  facts: BrokeredFacts,
  { candidates, roundTripMs }: Known,
  own: Pick<DirectConnectionRequest, 'publicKey' | 'endorsement' | 'requestId'>,
): DirectConnectionRequest {
  return {
    ...own,
    cvid: facts.peerCvid,
    type: facts.link,
    port: 0,
    candidates: facts.relayOnly ? [] : [...candidates],
    roundTrip: roundTripMs === undefined ? undefined : durationOf(roundTripMs),
    relayVersion: RELAY_VERSION,
    connectionId: '',
    fallback: facts.fallback,
  };
}

/** The answer to the order to gather, or to dial. */
export function gatherAnswer(
  own: Pick<GatherAnswer, 'publicKey' | 'endorsement' | 'relayVersion'>,
  { candidates, roundTripMs }: Known,
): Uint8Array {
  const roundTrip = roundTripMs === undefined ? undefined : durationOf(roundTripMs);
  return GatherAnswer.encode({ ...own, candidates: [...candidates], roundTrip }).finish();
}

/** How it is asked: the server answers once the peer has accepted. */
export function askOptions(
  { facts: { traceparent } }: { readonly facts: BrokeredFacts },
  signal: AbortSignal,
): CallOptions {
  return { signal, retry: true, timeoutMs: CONNECTION_TIMES.askMs, traceparent };
}
