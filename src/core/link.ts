import type { Change } from './change.js';
import type { ReportLink } from './command.js';
import { Fault } from './fault.js';
import { orderedLink } from './graph.js';
import type { LinkReport } from './reports.js';
import type { State } from './state.js';

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
  if (!state.graph.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
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
  if (!state.reports.has(theirs)) {
    const { reportsPerNodeMax } = state.limits;
    if (state.reports.countBy(sid) >= reportsPerNodeMax) return linkLimit(sid, reportsPerNodeMax, 'reported links');
    return [{ kind: 'LinkReported', report: mine }];
  }
  const { linksPerNodeMax } = state.limits;
  for (const end of [sid, peer]) {
    if (state.graph.degree(end) >= linksPerNodeMax) return linkLimit(end, linksPerNodeMax, 'links');
  }
  return [
    { kind: 'LinkReportSettled', report: theirs },
    { kind: 'LinkAdded', link },
  ];
}

function linkLimit(sid: number, max: number, what: string): Fault {
  return new Fault('LINK_LIMIT', `${max} ${what} of one node are the limit, and ${sid} has them`);
}
