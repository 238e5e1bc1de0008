import type { Refusal, SubmitRequest, SubmitResponse } from '../../../gen/switchyard/cluster/v1/peer.js';
import { Fault, REASONS, type Reason } from '../../core/model/fault.js';
import type { CommandRefused, FollowerMessage, LeaderMessage } from '../peers.js';

/** What a follower says, as it goes over the wire. */
export function packFollower(network: string, message: FollowerMessage): SubmitRequest {
  const { commands, renewed, attached, attachedMs, detached, usedStreams, asked, addresses, revision, heard, ...rest } =
    message;
  return {
    ...rest,
    network,
    revision: BigInt(revision),
    heard: heard === undefined ? undefined : BigInt(heard),
    leaves: message.leaves ?? false,
    commands: commands.map(({ record, ...one }) => ({ ...one, record: bufferOf(record) })),
    ...{ renewed: [...renewed], attached: [...attached], attachedMs: [...attachedMs], detached: [...detached] },
    ...{ usedStreams: [...usedStreams], asked: [...asked], addresses: [...addresses] },
  };
}

/** The same as it came. */
export function unpackFollower({ network: _, revision, heard, ...rest }: SubmitRequest): FollowerMessage {
  return { ...rest, revision: Number(revision), heard: heard === undefined ? undefined : Number(heard) };
}

/** What the leader says, as it goes over the wire. */
export function packLeader(message: LeaderMessage): SubmitResponse {
  const { refusals, replaced, attached, absent, renewed, roster, elsewhere } = message;
  return {
    elsewhere: elsewhere && {
      ...elsewhere,
      attached: [...elsewhere.attached],
      detached: [...elsewhere.detached],
    },
    roster: roster && { servers: roster.map(({ addresses, ...server }) => ({ ...server, addresses: [...addresses] })) },
    refusals: refusals.map(packRefused),
    ...{ replaced: [...replaced], attached: [...attached], absent: [...absent], renewed: [...renewed] },
  };
}

/** The same as it came. */
export function unpackLeader({ refusals, roster, ...rest }: SubmitResponse): LeaderMessage {
  return { ...rest, refusals: refusals.map(unpackRefused), roster: roster?.servers };
}

function packRefused({ count, revision, fault }: CommandRefused): Refusal {
  return {
    count,
    revision: BigInt(revision),
    reason: fault?.reason ?? '',
    message: fault?.message ?? '',
    retryMs: fault?.retryAfterMs ?? 0,
    fields: fault?.violations.map((violation) => ({ ...violation })) ?? [],
    metadata: { ...fault?.metadata },
  };
}

function unpackRefused({ count, revision, reason, message, retryMs, fields, metadata }: Refusal): CommandRefused {
  if (reason === '') return { count, revision: Number(revision), fault: undefined };
  // A leader of a later build may have a reason that this one does not know.
  const known: Reason = reason in REASONS ? (reason as Reason) : 'INTERNAL';
  const fault = new Fault(known, message, fields, retryMs === 0 ? undefined : retryMs, metadata);
  return { count, revision: Number(revision), fault };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
