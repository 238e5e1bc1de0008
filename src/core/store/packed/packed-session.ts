import type { Session } from '../../model/session.js';
import type { Entry } from './arena.js';
import {
  afterText,
  isText,
  labelsAt,
  labelsBytesMax,
  textAt,
  textBytesMax,
  writePackedLabels,
  writeText,
} from './packed-text.js';

/*
 * A session as it is held in memory; what is stored has a format of its own. Numbers are little-endian:
 *
 *    0        4             8          16              24               32        36          38
 *   +--------+-------------+----------+---------------+----------------+---------+-----------+---------+
 *   |  sid   |  stream id  |  ttl ms  |  opened at ms |  its revision  |  home   |  labels n |  texts  |
 *   |  i32   |  i32        |  f64     |  f64          |  f64           |  i32    |  u16      |         |
 *   +--------+-------------+----------+---------------+----------------+---------+-----------+---------+
 *
 * Home is 0 where the session does not say it.
 *
 * Texts are the UUID, the name, the token's hash and the id of the key (their 32 latin1 characters as they are; empty without a
 * key), the identity (empty where it is the instance itself) and the key and the value of each label; packed-text.ts has their form.
 */
const STREAM_AT = 4;
const TTL_AT = 8;
const OPENED_AT = 16;
const REVISION_AT = 24;
const HOME_AT = 32;
const LABELS_AT = 36;
const TEXTS_AT = 38;

/** What a session takes at most. */
export function packedBytesMax({ uuid, name, tokenHash, labels, keyId = '', identity = '' }: Session): number {
  const texts = textBytesMax(uuid) + textBytesMax(name) + textBytesMax(tokenHash) + textBytesMax(keyId);
  return TEXTS_AT + texts + textBytesMax(identity) + labelsBytesMax(labels);
}

/** Writes a session where there is room for it, and tells where it ends. */
export function writeSession(session: Session, { bytes, at }: Entry): number {
  bytes.writeInt32LE(session.sid, at);
  bytes.writeInt32LE(session.streamId, at + STREAM_AT);
  bytes.writeDoubleLE(session.ttlMs, at + TTL_AT);
  bytes.writeDoubleLE(session.openedAtMs, at + OPENED_AT);
  bytes.writeDoubleLE(session.openedRevision, at + REVISION_AT);
  bytes.writeInt32LE(session.home ?? 0, at + HOME_AT);
  bytes.writeUInt16LE(Object.keys(session.labels).length, at + LABELS_AT);
  let to = writeText(bytes, at + TEXTS_AT, session.uuid, 'utf8');
  to = writeText(bytes, to, session.name, 'utf8');
  to = writeText(bytes, to, session.tokenHash, 'latin1');
  to = writeText(bytes, to, session.keyId ?? '', 'latin1');
  to = writeText(bytes, to, session.identity ?? '', 'latin1');
  return writePackedLabels(bytes, to, session.labels);
}

/** Reads a session: an object of its own, which goes on when the session changes. */
export function readSession({ bytes, at }: Entry): Session {
  const uuidAt = at + TEXTS_AT;
  const nameAt = afterText(bytes, uuidAt);
  const hashAt = afterText(bytes, nameAt);
  const keyIdAt = afterText(bytes, hashAt);
  const keyId = textAt(bytes, keyIdAt, 'latin1');
  const identityAt = afterText(bytes, keyIdAt);
  const identity = textAt(bytes, identityAt, 'latin1');
  const home = homeIn({ bytes, at });
  const plain = {
    sid: sidOf({ bytes, at }),
    uuid: textAt(bytes, uuidAt, 'latin1'),
    ttlMs: ttlOf({ bytes, at }),
    name: textAt(bytes, nameAt, 'utf8'),
    labels: labelsAt(bytes, afterText(bytes, identityAt), bytes.readUInt16LE(at + LABELS_AT)),
    tokenHash: textAt(bytes, hashAt, 'latin1'),
    openedAtMs: bytes.readDoubleLE(at + OPENED_AT),
    openedRevision: openedRevisionOf({ bytes, at }),
    streamId: bytes.readInt32LE(at + STREAM_AT),
  };
  const session = home === 0 ? plain : { ...plain, home };
  if (keyId === '') return session;
  return identity === '' ? { ...session, keyId } : { ...session, keyId, identity };
}

/** How many labels it has. */
export function labelCountOf({ bytes, at }: Entry): number {
  return bytes.readUInt16LE(at + LABELS_AT);
}

/** Its SID alone. */
export function sidOf({ bytes, at }: Entry): number {
  return bytes.readInt32LE(at);
}

/** Its TTL alone. */
export function ttlOf({ bytes, at }: Entry): number {
  return bytes.readDoubleLE(at + TTL_AT);
}

/** Its home alone; 0 where it does not say it. */
export function homeIn({ bytes, at }: Entry): number {
  return bytes.readInt32LE(at + HOME_AT);
}

/** The revision that it was opened in, alone. */
export function openedRevisionOf({ bytes, at }: Entry): number {
  return bytes.readDoubleLE(at + REVISION_AT);
}

/** Whether it is of this instance. */
export function isOfInstance({ bytes, at }: Entry, uuid: string): boolean {
  return isText(bytes, at + TEXTS_AT, uuid);
}
