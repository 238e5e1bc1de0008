import type { Session } from '../model/session.js';
import type { Entry } from './arena.js';

/*
 * A session as it is held in memory; what is stored has a format of its own. Numbers are little-endian:
 *
 *    0        4             8          16              24               32          34
 *   +--------+-------------+----------+---------------+----------------+-----------+---------+
 *   |  sid   |  stream id  |  ttl ms  |  opened at ms |  its revision  |  labels n |  texts  |
 *   |  i32   |  i32        |  f64     |  f64          |  f64           |  u16      |         |
 *   +--------+-------------+----------+---------------+----------------+-----------+---------+
 *
 * Texts are the UUID, the name, the token's hash and the id of the key (their 32 latin1 characters as they are; empty without a
 * key) and the key and the value of each label; each is its length in bytes, u16, and UTF-8.
 */
const STREAM_AT = 4;
const TTL_AT = 8;
const OPENED_AT = 16;
const REVISION_AT = 24;
const LABELS_AT = 32;
const TEXTS_AT = 34;
const LENGTH_BYTES = 2;
const LENGTH_MAX = 65_535;
/** What a UTF-16 code unit takes at most in UTF-8. */
const UNIT_BYTES_MAX = 3;

/** What a session takes at most. */
export function packedBytesMax({ uuid, name, tokenHash, labels, keyId = '' }: Session): number {
  let bytes = TEXTS_AT + textBytesMax(uuid) + textBytesMax(name) + textBytesMax(tokenHash) + textBytesMax(keyId);
  for (const key of Object.keys(labels)) bytes += textBytesMax(key) + textBytesMax(labels[key]);
  return bytes;
}

/** Writes a session where there is room for it, and tells where it ends. */
export function packSession(session: Session, { bytes, at }: Entry): number {
  const keys = Object.keys(session.labels);
  bytes.writeInt32LE(session.sid, at);
  bytes.writeInt32LE(session.streamId, at + STREAM_AT);
  bytes.writeDoubleLE(session.ttlMs, at + TTL_AT);
  bytes.writeDoubleLE(session.openedAtMs, at + OPENED_AT);
  bytes.writeDoubleLE(session.openedRevision, at + REVISION_AT);
  bytes.writeUInt16LE(keys.length, at + LABELS_AT);
  let to = writeText(bytes, at + TEXTS_AT, session.uuid, 'utf8');
  to = writeText(bytes, to, session.name, 'utf8');
  to = writeText(bytes, to, session.tokenHash, 'latin1');
  to = writeText(bytes, to, session.keyId ?? '', 'latin1');
  for (const key of keys) {
    to = writeText(bytes, to, key, 'utf8');
    to = writeText(bytes, to, session.labels[key], 'utf8');
  }
  return to;
}

/** Reads a session: an object of its own, which goes on when the session changes. */
export function unpackSession({ bytes, at }: Entry): Session {
  const uuidAt = at + TEXTS_AT;
  const nameAt = afterText(bytes, uuidAt);
  const hashAt = afterText(bytes, nameAt);
  const keyIdAt = afterText(bytes, hashAt);
  const keyId = textAt(bytes, keyIdAt, 'latin1');
  const session = {
    sid: bytes.readInt32LE(at),
    uuid: textAt(bytes, uuidAt, 'latin1'),
    ttlMs: ttlOf({ bytes, at }),
    name: textAt(bytes, nameAt, 'utf8'),
    labels: labelsAt(bytes, afterText(bytes, keyIdAt), bytes.readUInt16LE(at + LABELS_AT)),
    tokenHash: textAt(bytes, hashAt, 'latin1'),
    openedAtMs: bytes.readDoubleLE(at + OPENED_AT),
    openedRevision: openedRevisionOf({ bytes, at }),
    streamId: bytes.readInt32LE(at + STREAM_AT),
  };
  return keyId === '' ? session : { ...session, keyId };
}

/** Its TTL alone. */
export function ttlOf({ bytes, at }: Entry): number {
  return bytes.readDoubleLE(at + TTL_AT);
}

/** The revision that it was opened in, alone. */
export function openedRevisionOf({ bytes, at }: Entry): number {
  return bytes.readDoubleLE(at + REVISION_AT);
}

/** Whether it is of this instance. */
export function isOfInstance({ bytes, at }: Entry, uuid: string): boolean {
  const length = bytes.readUInt16LE(at + TEXTS_AT);
  if (length !== uuid.length) return false;
  const start = at + TEXTS_AT + LENGTH_BYTES;
  for (let index = 0; index < length; index++) {
    if (bytes[start + index] !== uuid.charCodeAt(index)) return false;
  }
  return true;
}

const NO_LABELS: Session['labels'] = Object.freeze({});

function labelsAt(bytes: Buffer, at: number, count: number): Session['labels'] {
  if (count === 0) return NO_LABELS;
  const labels: [string, string][] = [];
  for (let from = at; labels.length < count; ) {
    const valueAt = afterText(bytes, from);
    labels.push([textAt(bytes, from, 'utf8'), textAt(bytes, valueAt, 'utf8')]);
    from = afterText(bytes, valueAt);
  }
  return Object.fromEntries(labels);
}

function textBytesMax({ length }: string): number {
  return LENGTH_BYTES + UNIT_BYTES_MAX * length;
}

/** Texts are short, and nearly all of them ASCII: then a loop takes a third of what leaving JavaScript does. */
function writeText(bytes: Buffer, at: number, text: string, encoding: 'utf8' | 'latin1'): number {
  const start = at + LENGTH_BYTES;
  const below = encoding === 'latin1' ? 0x100 : 0x80;
  let { length } = text;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    bytes[start + index] = unit;
    if (unit < below) continue;
    length = bytes.write(text, start, encoding);
    break;
  }
  if (length > LENGTH_MAX) throw new Error(`a text of ${length} bytes; ${LENGTH_MAX} are the limit`);
  bytes.writeUInt16LE(length, at);
  return start + length;
}

function textAt(bytes: Buffer, at: number, encoding: 'utf8' | 'latin1'): string {
  const start = at + LENGTH_BYTES;
  return bytes.toString(encoding, start, start + bytes.readUInt16LE(at));
}

function afterText(bytes: Buffer, at: number): number {
  return at + LENGTH_BYTES + bytes.readUInt16LE(at);
}
