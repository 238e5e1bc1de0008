import type { AnchorAudit as AnchorAuditMessage } from '../../../gen/switchyard/journal/v1/command.js';
import type { AuditAnchorRow, ServerAnchorsRow } from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { AnchorAudit } from '../../core/model/command.js';
import type { AuditAnchor, ServerAnchors } from '../../core/model/trust/audit-anchor.js';
import { packHidden, unpackHidden } from './fields.js';

/** AnchorAudit as it is stored. */
export function packAnchorAudit({ server, isBroken = false, ...anchor }: AnchorAudit): AnchorAuditMessage {
  return { server, isBroken, ...packAnchor(anchor) };
}

/** AnchorAudit as the core has it. */
export function unpackAnchorAudit({ server, isBroken, ...anchor }: AnchorAuditMessage): AnchorAudit {
  const plain: AnchorAudit = { kind: 'AnchorAudit', server, ...unpackAnchor(anchor) };
  return isBroken ? { ...plain, isBroken } : plain;
}

/** The anchors of a server as a snapshot stores them. */
export function packServerAnchors({ server, anchor, missed }: ServerAnchors): ServerAnchorsRow {
  return { server, anchor: packAnchor(anchor), missed: missed.map(packAnchor) };
}

/** The same as the core has them; undefined for a row without its anchor, which only a newer build can have written. */
export function unpackServerAnchors({ server, anchor, missed }: ServerAnchorsRow): ServerAnchors | undefined {
  return anchor && { server, anchor: unpackAnchor(anchor), missed: missed.map(unpackAnchor) };
}

function packAnchor({ number, hash, atMs }: AuditAnchor): AuditAnchorRow {
  return { number: BigInt(number), hash: packHidden(hash), atMs: BigInt(atMs) };
}

function unpackAnchor({ number, hash, atMs }: AuditAnchorRow): AuditAnchor {
  return { number: Number(number), hash: unpackHidden(hash), atMs: Number(atMs) };
}
