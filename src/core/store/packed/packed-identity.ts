import type { Identity, IdentityKey, IdentityKind, KeyOrigin } from '../../model/trust/identity.js';
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
 * An identity as it is held in memory; what is stored has a format of its own. Numbers are little-endian:
 *
 *    0          4          5       6        7          8         9           11       19      55
 *   +----------+----------+-------+--------+----------+---------+-----------+--------+-------+------+---------+----------+--------+----------+
 *   |  number  | revoked  | kind  | keys n | barred n | roles n | labels n  | ticket |  uuid | name | roles … | labels … | keys … | barred … |
 *   |  u32     | u8       | u8    | u8     | u8       | u8      | u16       | 8 B    |  36 B | text | texts   | texts    |        | 32 B each|
 *   +----------+----------+-------+--------+----------+---------+-----------+--------+-------+------+---------+----------+--------+----------+
 *
 * A ticket of zeros is none. A key is: id 32 B | origin u8 | bound at f64 | good until f64 | token issued at f64, NaN for none |
 * length u16 | the key. packed-text.ts has the form of texts.
 */
const REVOKED_AT = 4;
const KIND_AT = 5;
const KEYS_AT = 6;
const BARRED_AT = 7;
const ROLES_AT = 8;
const LABELS_AT = 9;
const TICKET_AT = 11;
const TICKET_BYTES = 8;
const UUID_AT = TICKET_AT + TICKET_BYTES;
const UUID_LENGTH = 36;
const NAME_AT = UUID_AT + UUID_LENGTH;
const NO_TICKET = '00'.repeat(TICKET_BYTES);
const ID_BYTES = 32;
const ORIGIN_AT = 32;
const BOUND_AT = 33;
const UNTIL_AT = 41;
const ISSUED_AT = 49;
const LENGTH_AT = 57;
const KEY_AT = 59;

/** What an identity takes at most. */
export function packedIdentityBytes({ keys, barred, name, roles, labels }: Identity): number {
  const texts = roles.reduce((sum, role) => sum + textBytesMax(role), textBytesMax(name) + labelsBytesMax(labels));
  return keys.reduce((sum, { key }) => sum + KEY_AT + key.length, NAME_AT + texts + ID_BYTES * barred.length);
}

/** Writes an identity where there is room for it, and tells where it ends. */
export function writeIdentity(identity: Identity, { bytes, at }: Entry): number {
  const { number, uuid, kind, roles, name, labels, keys, barred, revoked, ticket } = identity;
  if (uuid.length !== UUID_LENGTH) throw new Error(`an identity's UUID of ${uuid.length} characters`);
  bytes.writeUInt32LE(number, at);
  bytes[at + REVOKED_AT] = revoked ? 1 : 0;
  bytes[at + KIND_AT] = kind;
  bytes[at + KEYS_AT] = keys.length;
  bytes[at + BARRED_AT] = barred.length;
  bytes[at + ROLES_AT] = roles.length;
  bytes.writeUInt16LE(Object.keys(labels).length, at + LABELS_AT);
  bytes.write(ticket === '' ? NO_TICKET : ticket, at + TICKET_AT, 'hex');
  bytes.write(uuid, at + UUID_AT, 'latin1');
  let to = writeText(bytes, at + NAME_AT, name, 'utf8');
  for (const role of roles) to = writeText(bytes, to, role, 'utf8');
  to = writePackedLabels(bytes, to, labels);
  for (const key of keys) to = packKey(key, bytes, to);
  for (const id of barred) to += writeId(bytes, id, to);
  return to;
}

/** Reads an identity: an object of its own, which goes on when the identity changes. */
export function readIdentity({ bytes, at }: Entry): Identity {
  const name = textAt(bytes, at + NAME_AT, 'utf8');
  let from = afterText(bytes, at + NAME_AT);
  const roles: string[] = [];
  for (; roles.length < bytes[at + ROLES_AT]; from = afterText(bytes, from)) roles.push(textAt(bytes, from, 'utf8'));
  const labelCount = bytes.readUInt16LE(at + LABELS_AT);
  const labels = labelsAt(bytes, from, labelCount);
  for (let text = 0; text < 2 * labelCount; text++) from = afterText(bytes, from);
  const keys: IdentityKey[] = [];
  while (keys.length < bytes[at + KEYS_AT]) {
    const key = unpackKey(bytes, from);
    keys.push(key);
    from += KEY_AT + key.key.length;
  }
  const barred: string[] = [];
  for (; barred.length < bytes[at + BARRED_AT]; from += ID_BYTES) {
    barred.push(latin1(bytes, from, from + ID_BYTES));
  }
  return {
    number: bytes.readUInt32LE(at),
    uuid: latin1(bytes, at + UUID_AT, at + NAME_AT),
    kind: bytes[at + KIND_AT] as IdentityKind,
    roles,
    name,
    labels,
    keys,
    barred,
    revoked: bytes[at + REVOKED_AT] === 1,
    ticket: ticketAt(bytes, at),
  };
}

/** Whether it has redeemed this ticket last. */
export function isOfTicket({ bytes, at }: Entry, ticket: string): boolean {
  return ticketAt(bytes, at) === ticket;
}

/** Whether it has this name. */
export function isNamed({ bytes, at }: Entry, name: string): boolean {
  return isText(bytes, at + NAME_AT, name);
}

/** Whether it is of this UUID. */
export function isOfIdentity({ bytes, at }: Entry, uuid: string): boolean {
  if (uuid.length !== UUID_LENGTH) return false;
  for (let index = 0; index < UUID_LENGTH; index++) {
    if (bytes[at + UUID_AT + index] !== uuid.charCodeAt(index)) return false;
  }
  return true;
}

function ticketAt(bytes: Buffer, at: number): string {
  // Most have none; a text is only made of one.
  if (bytes.readUInt32LE(at + TICKET_AT) === 0 && bytes.readUInt32LE(at + TICKET_AT + 4) === 0) return '';
  return bytes.toString('hex', at + TICKET_AT, at + TICKET_AT + TICKET_BYTES);
}

function packKey(packed: IdentityKey, bytes: Buffer, at: number): number {
  const { id, key, origin, boundAtMs, goodUntilMs, issuedAtMs = Number.NaN } = packed;
  writeId(bytes, id, at);
  bytes[at + ORIGIN_AT] = origin;
  bytes.writeDoubleLE(boundAtMs, at + BOUND_AT);
  bytes.writeDoubleLE(goodUntilMs, at + UNTIL_AT);
  bytes.writeDoubleLE(issuedAtMs, at + ISSUED_AT);
  bytes.writeUInt16LE(key.length, at + LENGTH_AT);
  bytes.write(key, at + KEY_AT, 'latin1');
  return at + KEY_AT + key.length;
}

function unpackKey(bytes: Buffer, at: number): IdentityKey {
  const length = bytes.readUInt16LE(at + LENGTH_AT);
  const issuedAtMs = bytes.readDoubleLE(at + ISSUED_AT);
  return {
    id: latin1(bytes, at, at + ID_BYTES),
    key: latin1(bytes, at + KEY_AT, at + KEY_AT + length),
    origin: bytes[at + ORIGIN_AT] as KeyOrigin,
    boundAtMs: bytes.readDoubleLE(at + BOUND_AT),
    goodUntilMs: bytes.readDoubleLE(at + UNTIL_AT),
    ...(Number.isNaN(issuedAtMs) ? {} : { issuedAtMs }),
  };
}

function latin1(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, to);
}

function writeId(bytes: Buffer, id: string, at: number): number {
  if (id.length !== ID_BYTES) throw new Error(`a key's id of ${id.length} bytes`);
  return bytes.write(id, at, 'latin1');
}
