import { NetworkServiceService as Network } from '../../../gen/switchyard/v1/network_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { type Act, paramsOf } from './acts.js';
import { directRequest, pairOf } from './connections.js';
import type { Yard } from './yard.js';

/** Beyond what one session may own by default (64). */
const STREAMS = 68;
/** Beyond what one session may have in the making by default (16). */
const CONNECTIONS = 20;
/** Until an order for a connection that was not answered expires. */
const ORDER_SECONDS = 11;

/**
 * One session creates more streams in one batch than it may own: the last are stored, and refused when applied. It is a
 * session that nothing else happens to, because one that is full cannot relay.
 */
async function createTooManyStreams(yard: Yard) {
  const [sink] = yard.some(1) ?? [];
  if (sink === undefined) return;
  const owner = await yard.open();
  yard.forget(owner);
  const request = { params: paramsOf(yard), sinkCvids: [sink.sid], requestId: '' };
  await yard.together(() => Array.from({ length: STREAMS }, () => owner.ask(yard.at, Streams.createStream, request)));
}

/** One session asks for more connections in one batch than it may have in the making; the peer answers none of them. */
async function askForTooManyConnections(yard: Yard) {
  const pair = await pairOf(yard);
  if (pair === undefined) return;
  const { caller, peer, since } = pair;
  const request = directRequest(yard, peer);
  const asked = yard.together(() =>
    Array.from({ length: CONNECTIONS }, () => caller.ask(yard.at, Network.directConnection, request)),
  );
  await peer.order('connection', since);
  await yard.pass(ORDER_SECONDS);
  await asked;
}

/**
 * Commands of which the bounds decide how they end. They make the state depend on the flags that the journal was written
 * under: a replay under others must be told of those, or comes to another state.
 */
export const BOUND_ACTS: readonly Act[] = [createTooManyStreams, askForTooManyConnections];
