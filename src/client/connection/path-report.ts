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

/** The last report about each connection. */
const LAST = new WeakMap<NamedConnection, Promise<unknown>>();

/** Reports once what was reported of the connection before has come to something: one that is repeated would be overtaken. */
function inTurn(connection: NamedConnection, report: () => Promise<unknown>): Promise<unknown> {
  const last = LAST.get(connection);
  const mine = last === undefined ? report() : last.then(report, report);
  LAST.set(connection, mine);
  return mine;
}

/** Tells the server that a connection stands, or does not any more. */
export function reportPath(deps: PathReportDeps, connection: NamedConnection, word: Word): void {
  const { facts, connectionId } = connection;
  // Without a session the server has forgotten it already.
  if (deps.session() === undefined) return;
  const roundTrip = word.roundTripMs ? durationOf(word.roundTripMs) : undefined;
  const { traceparent } = facts;
  const details = { connectionId, path: word.path, roundTrip, failed: word.failed, traceparent };
  const report = async () => {
    if (word.established && !connection.isStill(word)) return;
    await deps.report(facts.peerCvid, facts.link, word.established, details);
  };
  inTurn(connection, report).catch((error: Error) => {
    const isOld = error instanceof SwitchyardError && !word.established;
    if (!isOld) deps.problem(error);
  });
}

/**
 * Tells the server that the direct path of a connection is dead and that it goes on through the server. The report is as long on its way
 * as the stream waits, as the server may have to be found again. Undefined: there is no session to report by.
 */
export function askToReturn(deps: PathReportDeps, connection: NamedConnection): Promise<unknown> | undefined {
  const { facts, connectionId, orders } = connection;
  if (deps.session() === undefined) return undefined;
  const { peerCvid, link, traceparent } = facts;
  const details = { connectionId, path: PathKind.RELAYED, failed: true, traceparent };
  const report = () => deps.report(peerCvid, link, false, { ...details, timeoutMs: CONNECTION_TIMES.returnMs });
  return orders.relayAnswered.then(() => inTurn(connection, report));
}

/** Whether the server may order another attempt of a connection, as it has not heard of a path from both ends. Undefined: there is no session. */
export function isPunching(deps: PathReportDeps, { connectionId }: NamedConnection): Promise<boolean> | undefined {
  if (deps.session() === undefined) return undefined;
  const read = deps.getConnection(connectionId, { retry: true, timeoutMs: CONNECTION_TIMES.decidedMs });
  return read.then(({ connection }) => connection.state === ConnectionState.PUNCHING);
}

/** A kind of path, as reports name it. */
export function kindOf(path: PathFacts['path'] | undefined): PathKind {
  if (path === undefined) return PathKind.UNSPECIFIED;
  return path === 'direct' ? PathKind.DIRECT : PathKind.RELAYED;
}

/** The report that a connection has a path. */
export function wordOf({ path, roundTripMs = 0 }: PathFacts): Word {
  return { established: true, failed: false, path: kindOf(path), roundTripMs };
}
