import type { Change } from './change.js';
import type { ReportLink } from './command.js';
import { Fault } from './fault.js';
import { type Link, orderedLink } from './graph.js';
import type { LinkReport } from './reports.js';
import type { State } from './state.js';

/** A report is confirmed within seconds, or its session has other troubles. */
const REPORTS_RETRY_MS = 5_000;

/**
 * One end's word about a link: it enters the graph with the second word that it stands, and leaves it with the first
 * that it is lost.
 *
 * "Lost" takes back only one's own waiting word, never the other's: so a late "lost" about an old path cannot swallow the
 * peer's word about a new one.
 */
export function reportLink(state: State, command: ReportLink): Change[] | Fault {
  const { sid, peer, link: type } = command;
  const violations = [];
  if (peer === sid) violations.push({ field: 'peer_cvid', description: 'a link to oneself is none' });
  if (peer === state.serverSid) {
    violations.push({ field: 'peer_cvid', description: 'the link to the server lives and dies with the session' });
  }
  const wrong = Fault.fields(violations);
  if (wrong !== undefined) return wrong;
  if (state.sessions.get(sid) === undefined) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  if (!state.graph.has(peer)) return new Fault('NODE_NOT_FOUND', `no node ${peer}`);
  const mine: LinkReport = { sid, peer, link: type };
  const link = orderedLink(sid, peer, type);
  const stands = state.graph.hasLink(link);
  if (!command.established) {
    if (stands) return [{ kind: 'LinkRemoved', link }];
    return state.reports.has(mine) ? [{ kind: 'LinkReportSettled', report: mine }] : [];
  }
  if (stands || state.reports.has(mine)) return [];
  const theirs: LinkReport = { sid: peer, peer: sid, link: type };
  if (!state.reports.has(theirs)) return fullOfReports(state, sid) ?? [{ kind: 'LinkReported', report: mine }];
  return (
    fullOfLinks(state, link) ?? [
      { kind: 'LinkReportSettled', report: theirs },
      { kind: 'LinkAdded', link },
    ]
  );
}

function fullOfReports({ reports, limits }: State, sid: number): Fault | undefined {
  if (reports.count >= limits.reportsMax) {
    const message = `${limits.reportsMax} links that wait for their other end are the limit`;
    return new Fault('LINK_LIMIT', message, [], REPORTS_RETRY_MS);
  }
  if (reports.countBy(sid) < limits.reportsPerNodeMax) return undefined;
  return linkLimit(sid, limits.reportsPerNodeMax, 'reported links');
}

function fullOfLinks({ graph, limits }: State, { a, b }: Link): Fault | undefined {
  if (graph.linkCount >= limits.linksMax) return new Fault('LINK_LIMIT', `${limits.linksMax} links are the limit`);
  const full = [a, b].find((end) => graph.degree(end) >= limits.linksPerNodeMax);
  return full === undefined ? undefined : linkLimit(full, limits.linksPerNodeMax, 'links');
}

function linkLimit(sid: number, max: number, what: string): Fault {
  return new Fault('LINK_LIMIT', `${max} ${what} of one node are the limit, and ${sid} has them`);
}
