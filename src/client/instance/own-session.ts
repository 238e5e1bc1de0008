import type { RendezvousAddress } from '../../../gen/switchyard/v1/connection.js';
import type { Principal } from '../../../gen/switchyard/v1/identity.js';
import type { Position } from '../../../gen/switchyard/v1/position.js';
import type { SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import type { Complete } from '../channel/call.js';
import type { Caller } from '../channel/caller.js';
import { msOf } from '../duration.js';

/** A session of one's own, with the secret that proves it. */
export interface OwnSession {
  /** Its SID, which is also its node in the graph. */
  readonly cvid: number;
  readonly serverCvid: number;
  readonly serverUuid: string;
  /** Whoever has it is the session. Keep it out of logs. */
  readonly token: string;
  /** What the server granted. */
  readonly ttlMs: number;
  /** The stream that exists from the start. */
  readonly streamId: number;
  /** The revision in which its node entered the graph. */
  readonly position: Position;
  /** Where the server's rendezvous port is. An empty host is the one by which the server is reached. */
  readonly rendezvous: readonly RendezvousAddress[];
  /** The newest form of relayed bytes that the server knew as it was opened. */
  readonly relayVersion: number;
  /** As whom it was opened; undefined when nothing was proved. */
  readonly identity: Principal | undefined;
}

/** The answer to a Session call, in this client's words. */
export function ownSession(response: Complete<SessionResponse>): OwnSession {
  return {
    cvid: response.instanceSid,
    serverCvid: response.serverSid,
    serverUuid: response.serverUuid,
    token: response.sessionToken,
    ttlMs: msOf(response.ttl),
    streamId: response.streamId,
    position: response.position,
    rendezvous: response.rendezvous,
    relayVersion: response.relayVersion,
    identity: response.identity,
  };
}

/** The metadata of a session's calls, once there is one: its token, beside what else its caller is known by. */
export async function withSession(
  session: Promise<OwnSession>,
  { credentials }: Pick<Caller, 'credentials'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { token } = await session;
  return { ...(await credentials(signal)), 'switchyard-session': token };
}

/**
 * Makes calls that the server refuses to a session without an attachment, as it answers with orders: each waits until orders reach the
 * instance, also when it is made again.
 */
export function whenAttached(caller: Caller, attached: (signal: AbortSignal) => Promise<unknown>): Caller {
  const credentials = async (signal: AbortSignal) => {
    await attached(signal);
    return caller.credentials(signal);
  };
  return { ...caller, credentials };
}
