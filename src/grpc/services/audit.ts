import {
  type AuditAnchor,
  IdentityServiceService,
  type WatchAuditRequest,
  WatchAuditResponse,
} from '../../../gen/switchyard/v1/identity.js';
import type { AuditPiece, AuditWatch } from '../../audit/audit-watch.js';
import { Fault, type FieldViolation } from '../../core/model/fault.js';
import type { ServerAnchors, AuditAnchor as StoredAnchor } from '../../core/model/trust/audit-anchor.js';
import type { Backing } from '../backing.js';
import { bytesOf } from '../encode/bytes.js';
import { passingBytes } from '../encode/encoded.js';
import type { Source } from '../pump.js';
import { elsewhere } from './networks.js';

/** Lines of a page of a person; a program asks for those behind a number. */
const NEWEST_MAX = 10_000;
/** Watches end when somebody stops them. */
const WATCHES_RETRY_MS = 10_000;

/** IdentityService's definition, with messages of WatchAudit that are bytes already. */
export const identityDefinition = {
  ...IdentityServiceService,
  watchAudit: passingBytes(IdentityServiceService.watchAudit),
};

/** What a watch of the audit log needs of the backing. */
export interface AuditBacking {
  readonly audit?: Backing['audit'];
  readonly log: Pick<Backing['log'], 'error'>;
  readonly gatekeeper: { readonly network: Pick<Backing['gatekeeper']['network'], 'number'> };
}

/** Begins a watch of the audit log. */
export function watchAudit(
  { audit, log, gatekeeper }: AuditBacking,
  request: WatchAuditRequest,
): Source<Uint8Array> | Fault {
  if (gatekeeper.network.number !== 0) return elsewhere();
  if (audit === undefined) return new Fault('UNIMPLEMENTED', 'this server keeps nothing, and no audit log either');
  const end = audit.end.number;
  const wrong = requestFault(request, end);
  if (wrong !== undefined) return wrong;
  const { after, newest } = request;
  const watch = audit.watch(after === undefined ? Math.max(0, end - newest) : Number(after));
  if (watch === undefined) {
    return new Fault('WATCH_LIMIT', 'as many watch the audit log as may', [], WATCHES_RETRY_MS);
  }
  if (watch instanceof Fault) return watch;
  let anchors = anchorsOf(audit.anchored());
  return {
    next: () => {
      const piece = read(watch, log);
      if (piece === undefined || piece instanceof Fault) return piece;
      const lines = piece.lines.map((line) => ({ ...line, number: BigInt(line.number) }));
      const message = bytesOf(WatchAuditResponse, { lines, end: BigInt(piece.end), anchors });
      anchors = [];
      return message;
    },
    onReady: (wake) => watch.onReady(wake),
    close: () => watch.close(),
  };
}

/** What the journal knows of the log, those first that it did not hold any more. */
function anchorsOf(known: ServerAnchors | undefined): AuditAnchor[] {
  if (known === undefined) return [];
  const written = ({ number, hash, atMs }: StoredAnchor, missed: boolean): AuditAnchor => ({
    ...{ number: BigInt(number), anchoredAt: new Date(atMs), missed },
    hash: Buffer.from(hash, 'latin1').toString('hex'),
  });
  return [...known.missed.map((anchor) => written(anchor, true)), written(known.anchor, false)];
}

/** What a watch has next. A file that cannot be read ends the watch, and nothing else. */
function read(watch: AuditWatch, log: AuditBacking['log']): AuditPiece | Fault | undefined {
  try {
    return watch.next();
  } catch (error) {
    log.error({ err: error }, 'the audit log cannot be read');
    return new Fault('INTERNAL', 'the audit log cannot be read');
  }
}

function requestFault({ after, newest }: WatchAuditRequest, end: number): Fault | undefined {
  const violations: FieldViolation[] = [];
  const wrong = (field: string, description: string) => void violations.push({ field, description });
  if (after !== undefined && after > BigInt(end)) wrong('after', `${after}; the newest line has the number ${end}`);
  if (after !== undefined && newest !== 0) wrong('newest', 'only without after');
  if (newest < 0 || newest > NEWEST_MAX) wrong('newest', `${newest}; 0 to ${NEWEST_MAX} are allowed`);
  return Fault.fields(violations);
}
