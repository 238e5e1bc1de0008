import type { Change } from '../model/change.js';
import type { AnchorAudit } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { MISSED_ANCHORS_MAX } from '../model/trust/audit-anchor.js';
import type { State } from '../store/state.js';

/** Anchors the newest line of a server's audit log. */
export function anchorAudit({ auditAnchors }: State, command: AnchorAudit): Change[] | Fault {
  const { server, number, hash, atMs, isBroken = false } = command;
  const before = auditAnchors.of(server);
  // Also where the line before was missing: the command may be stored twice, and its own anchor was not missed.
  if (number === before?.anchor.number && hash === before.anchor.hash) return [];
  if (!isBroken && before !== undefined) {
    const { anchor } = before;
    // Two commands of one server that overtook each other.
    if (number <= anchor.number) return new Fault('OUT_OF_ORDER', `line ${anchor.number} is anchored already`);
  }
  const missed = isBroken && before !== undefined ? [...before.missed, before.anchor] : (before?.missed ?? []);
  const anchors = { server, anchor: { number, hash, atMs }, missed: missed.slice(0, MISSED_ANCHORS_MAX) };
  return [{ kind: 'AuditAnchored', anchors }];
}
