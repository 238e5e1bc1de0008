import { ADDRESS_BYTES_MAX, ADDRESSES_MAX, AHEAD_MAX, MESSAGE_ITEMS_MAX } from './limits.js';
import type { FollowerMessage } from './peers.js';

/**
 * What a follower may be called. A server checks its own name at its start; one of an earlier build had no such rule, and is not cut off for it
 * while the others are upgraded.
 */
const HEARD_NAME = /^\P{C}{1,253}$/u;

/** What no follower says in a message: which field, and what is allowed. Undefined: the message is in order. */
export function problemOf(message: FollowerMessage, appliedHere: number): string | undefined {
  const { incarnation, commands, attached, attachedMs, detached, asked, revision } = message;
  if (!HEARD_NAME.test(message.server)) return 'server: a name has 1 to 253 characters that can be shown';
  if (incarnation === 0) return 'incarnation: 0; a process draws another number';
  if (commands.length > MESSAGE_ITEMS_MAX) return tooMany('commands', commands.length);
  if (asked.length > MESSAGE_ITEMS_MAX) return tooMany('asked', asked.length);
  const told = attached.length + detached.length;
  if (told > MESSAGE_ITEMS_MAX) return tooMany('attached and detached', told);
  if (attachedMs.length !== attached.length)
    return `attached_ms: ${attachedMs.length}; attached has ${attached.length}`;
  const { addresses, peerAddress } = message;
  if (addresses.length > ADDRESSES_MAX) return `addresses: ${addresses.length}; ${ADDRESSES_MAX} are allowed`;
  for (const address of [peerAddress, ...addresses])
    if (Buffer.byteLength(address) > ADDRESS_BYTES_MAX)
      return `an address of ${Buffer.byteLength(address)} bytes; ${ADDRESS_BYTES_MAX} are allowed`;
  if (revision <= appliedHere + AHEAD_MAX) return undefined;
  return `revision: ${revision}; ${appliedHere} is applied here, and a follower is ahead by ${AHEAD_MAX} at most`;
}

function tooMany(field: string, count: number): string {
  return `${field}: ${count}; ${MESSAGE_ITEMS_MAX} are allowed in one message`;
}
