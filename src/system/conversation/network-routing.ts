import { authRequired } from '../../core/decide/policy/authorize.js';
import { Fault } from '../../core/model/fault.js';
import { DEFAULT_NETWORK, NETWORK_NAME, NETWORK_NAME_RULE } from '../../core/model/network.js';
import { refuseStranger } from '../../replica/access/key-prover.js';
import { networkOfToken } from '../../replica/access/token.js';
import type { SystemEvent } from '../codec/event.js';
import type { SystemBacking } from './backing.js';
import type { Conversation } from './conversation.js';

/**
 * Moves a conversation to the network that a request is about, or says why it is refused. Before it has a session, Challenge and Session
 * name it, and a session's token does; Enroll and RotateKey are about the network of the last Challenge, as their proofs are.
 */
export function routeRequest(
  event: SystemEvent,
  conversation: Conversation,
  { gatekeeper, stopped }: Pick<SystemBacking, 'gatekeeper' | 'stopped'>,
): Fault | undefined {
  if (conversation.state !== 'new') return undefined;
  switch (event.type) {
    case 'Challenge':
      return moveToName(conversation, event.body.network || DEFAULT_NETWORK);
    case 'Session': {
      const { network } = event.body;
      const wrong = network === undefined ? undefined : moveToName(conversation, network || DEFAULT_NETWORK);
      return wrong ?? unknown(conversation, { gatekeeper, stopped });
    }
    case 'KeepAlive': {
      const { sessionToken } = event.body;
      const number = sessionToken === undefined ? undefined : networkOfToken(sessionToken);
      if (number === undefined || conversation.moveTo(number)) return undefined;
      const why = stopped?.(number);
      if (why !== undefined) return why;
      return new Fault('SESSION_TOKEN_INVALID', "the session token is not one of this server's");
    }
    case 'Enroll':
      return unknown(conversation, { gatekeeper, stopped }, new Fault('TICKET_INVALID', 'there is no such ticket'));
    case 'RotateKey':
      return unknown(conversation, { gatekeeper, stopped }, refuseStranger('old_proof', event.body.oldProof));
    default:
      return undefined;
  }
}

function moveToName(conversation: Conversation, network: string): Fault | undefined {
  if (!NETWORK_NAME.test(network)) return Fault.fields([{ field: 'network', description: NETWORK_NAME_RULE }]);
  conversation.moveTo(network);
  return undefined;
}

/**
 * Says why a network does not run. In `required` one that there is not is answered as one that there is answers a stranger: with
 * `stranger`, and to Session that a proof is needed.
 */
function unknown(
  { unknownNetwork }: Conversation,
  { gatekeeper: { mode }, stopped }: Pick<SystemBacking, 'gatekeeper' | 'stopped'>,
  stranger?: Fault,
): Fault | undefined {
  if (unknownNetwork === undefined) return undefined;
  const why = stopped?.(unknownNetwork);
  if (why !== undefined) return why;
  if (mode !== 'required') return new Fault('NETWORK_NOT_FOUND', `no network ${JSON.stringify(unknownNetwork)}`);
  return stranger ?? authRequired(undefined, 'session.open');
}
