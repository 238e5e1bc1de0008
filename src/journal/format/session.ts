import type { SessionRow } from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { Session } from '../../core/model/session.js';
import { packHidden, packLabels, unpackHidden, unpackLabels } from './fields.js';

/** A session as its row. */
export function packSession(session: Session): SessionRow {
  const { sid, uuid, ttlMs, name, streamId } = session;
  const labels = packLabels(session.labels);
  const tokenHash = packHidden(session.tokenHash);
  const openedAtMs = BigInt(session.openedAtMs);
  const openedRevision = BigInt(session.openedRevision);
  const keyId = packHidden(session.keyId ?? '');
  const identity = session.identity ?? '';
  const home = session.home ?? 0;
  return { sid, uuid, ttlMs, name, labels, tokenHash, openedAtMs, openedRevision, streamId, keyId, identity, home };
}

/** The same as it was. */
export function unpackSession(row: SessionRow): Session {
  const plain = {
    sid: row.sid,
    uuid: row.uuid,
    ttlMs: row.ttlMs,
    name: row.name,
    labels: unpackLabels(row.labels),
    tokenHash: unpackHidden(row.tokenHash),
    openedAtMs: Number(row.openedAtMs),
    openedRevision: Number(row.openedRevision),
    streamId: row.streamId,
  };
  const session = row.home === 0 ? plain : { ...plain, home: row.home };
  if (row.keyId.length === 0) return session;
  const keyId = unpackHidden(row.keyId);
  return row.identity === '' ? { ...session, keyId } : { ...session, keyId, identity: row.identity };
}
