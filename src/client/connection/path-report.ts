import { ConnectionState, PathKind } from '../../../gen/switchyard/v1/connection.js';
import type { LinkType } from '../../../gen/switchyard/v1/link.js';
import type { GetConnectionResponse } from '../../../gen/switchyard/v1/network_service.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { CallOptions, Complete } from '../channel/call.js';
import { durationOf } from '../duration.js';
import { SwitchyardError } from '../error.js';
import type { OwnSession } from '../instance/own-session.js';
import type { LinkDetails } from '../instance/session-calls.js';
import type { NamedConnection, Word } from './brokered-desk.js';
import type { PathFacts } from './peer-stream.js';

/** What reports stand on. */
export interface PathReportDeps {
  session(): OwnSession | undefined;
  report(
    cvid: number,
    link: LinkType,
    established: boolean,
    details: LinkDetails & Pick<CallOptions, 'traceparent' | 'timeoutMs'>,
  ): Promise<unknown>;
  getConnection(connectionId: string, options: CallOptions): Promise<Complete<GetConnectionResponse>>;
  problem(error: Error): void;
}

/** Tells the server that a connection stands, or does not any more. */
export function reportPath(deps: PathReportDeps, { facts, connectionId }: NamedConnection, word: Word): void {
  // Without a session the server has forgotten it already.
  if (deps.session() === undefined) return;
  const roundTrip = word.roundTripMs ? durationOf(word.roundTripMs) : undefined;
  const { traceparent } = facts;
  const details = { connectionId, path: word.path, roundTrip, failed: word.failed, traceparent };
  deps.report(facts.peerCvid, facts.link, word.established, details).catch((error: Error) => {
    const isOld = error instanceof SwitchyardError && !word.established;
    if (!isOld) deps.problem(error);
  });
}

/**
 * Tells the server that the direct path of a connection is dead and that it goes on through the server. The report is as long on its way
 * as the stream waits, as the server may have to be found again. Undefined: there is no session to report by.
 */
export function askToReturn(
  deps: PathReportDeps,
  { facts, connectionId, orders }: NamedConnection,
): Promise<unknown> | undefined {
  if (deps.session() === undefined) return undefined;
  const { peerCvid, link, traceparent } = facts;
  const details = { connectionId, path: PathKind.RELAYED, failed: true, traceparent };
  const report = () => deps.report(peerCvid, link, false, { ...details, timeoutMs: CONNECTION_TIMES.returnMs });
  return orders.relayAnswered.then(report);
}

/** Whether the server may order another attempt of a connection, as it has not heard of a path from both ends. Undefined: there is no session. */
export function isPunching(deps: PathReportDeps, { connectionId }: NamedConnection): Promise<boolean> | undefined {
  if (deps.session() === undefined) return undefined;
  const read = deps.getConnection(connectionId, { retry: true, timeoutMs: CONNECTION_TIMES.decidedMs });
  return read.then(({ connection }) => connection.state === ConnectionState.PUNCHING);
}

/** The report that a connection has a path. */
export function wordOf({ path, roundTripMs = 0 }: PathFacts): Word {
  const kind = path === 'direct' ? PathKind.DIRECT : PathKind.RELAYED;
  return { established: true, failed: false, path: kind, roundTripMs };
}
