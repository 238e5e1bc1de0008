import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { asError } from '../../base/errors.js';
import {
  type Identity,
  type IdentityKey,
  IdentityKind,
  KeyOrigin,
  msOf,
  readKey,
  replaceKey,
} from '../../client/index.js';
import { type ConnectionFlags, withAdministrator, withServer } from '../connection.js';
import { type ListFlags, writeListing } from '../output/listing.js';
import { type Column, writeTable } from '../output/table.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';
import { durationWord, momentWord } from '../words.js';
import { instanceOf, type KeyFlags, keyName, ownKeyPath } from './own-key.js';

/** Which key a command is about. */
export interface NamedKeyFlags extends KeyFlags {
  readonly json?: boolean;
  readonly name?: string;
  readonly uuid?: string;
}

/** Prints the key that is kept for a server and a name, and never the private one. */
export async function showKey(flags: NamedKeyFlags, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const path = ownKeyPath(keyName(flags), flags, surroundings);
  const key = await known(() => readKey(path));
  if (key === undefined) throw new Failure(`${path}: there is no key; join makes one`);
  const uuid = flags.uuid ?? (await instanceOf(path));
  const publicKey = key.publicKey.toString('base64');
  const facts = { instanceUuid: uuid, keyId: key.keyId.toString('hex'), publicKey, path };
  if (flags.json) return terminal.out.json(facts);
  const lines = [
    `instance    ${uuid}`,
    `key         ${facts.keyId}`,
    `public key  ${publicKey}`,
    `kept in     ${path}`,
  ];
  await terminal.out.writeLines(lines);
}

/** Replaces the key that is kept by a new one, at the server too. */
export async function rotateOwnKey(flags: NamedKeyFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const path = ownKeyPath(keyName(flags), flags, surroundings);
  const old = await known(() => readKey(path));
  if (old === undefined) throw new Failure(`${path}: there is no key; join makes one`);
  const uuid = flags.uuid ?? (await instanceOf(path));
  await withServer(flags, surroundings, async (yard) => {
    let overlapMs = 0;
    const next = await replaceKey(path, async (made) => {
      const options = { signal, bindProofs: flags.proofBinding ?? true };
      const { overlap } = await yard.identities.rotate(uuid, { old, next: made }, options);
      overlapMs = msOf(overlap);
    });
    const facts = {
      instanceUuid: uuid,
      keyId: next.keyId.toString('hex'),
      oldKeyId: old.keyId.toString('hex'),
      overlapMs,
    };
    if (flags.json) return terminal.out.json(facts);
    await terminal.out.write(`${uuid} has the key ${facts.keyId}; the old one is good for ${durationWord(overlapMs)}`);
  });
}

/** Lists the identities that the server knows, as an administrator. */
export async function listIdentities(flags: ConnectionFlags & ListFlags, surroundings: Surroundings): Promise<void> {
  const { signal } = surroundings;
  await withAdministrator(flags, surroundings, (yard) => {
    const rows = yard.identities.list({ signal });
    return writeListing({ columns: IDENTITY_COLUMNS, rows, facts: identityFacts }, flags, surroundings);
  });
}

const IDENTITY_COLUMNS: readonly Column<Identity>[] = [
  { heading: 'UUID', value: (identity) => identity.identityUuid },
  { heading: 'STATE', value: (identity) => stateOf(identity) },
  { heading: 'NAME', value: (identity) => identity.name || '-' },
  { heading: 'ROLES', value: (identity) => identity.roles.join(',') || '-' },
  { heading: 'SID', value: sidsOf, right: true },
  { heading: 'KEYS', value: (identity) => identity.keys.length, right: true },
  { heading: 'NEWEST', value: (identity) => identity.keys.at(-1)?.keyId.slice(0, 16) ?? '-' },
  { heading: 'BY', value: (identity) => originWord(identity.keys.at(-1)) },
  { heading: 'BOUND', value: (identity) => momentWord(identity.keys.at(-1)?.boundAt) },
];

const KEY_COLUMNS: readonly Column<IdentityKey>[] = [
  { heading: 'KEY', value: (key) => key.keyId },
  { heading: 'BY', value: (key) => originWord(key) },
  { heading: 'BOUND', value: (key) => momentWord(key.boundAt) },
  { heading: 'GOOD UNTIL', value: (key) => momentWord(key.goodUntil) },
];

/** Shows one identity with its keys. */
export async function showIdentity(
  uuid: string,
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { signal } = surroundings;
  await withAdministrator(flags, surroundings, async (yard) => {
    const { identity } = await yard.identities.get(uuid, { signal });
    await printIdentity(identity, flags, surroundings);
  });
}

/** Revokes an identity. */
export async function revokeIdentity(
  uuid: string,
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  await withAdministrator(flags, surroundings, async (yard) => {
    const { identity } = await yard.identities.revoke(uuid, { signal: surroundings.signal });
    await printIdentity(identity, flags, surroundings);
  });
}

/** What an administrator says of an identity. */
export interface ApproveFlags extends ConnectionFlags {
  readonly json?: boolean;
  readonly role?: readonly string[];
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly kind?: 'instance' | 'service' | 'person';
}

const KINDS = { instance: IdentityKind.INSTANCE, service: IdentityKind.SERVICE, person: IdentityKind.PERSON } as const;

/** Gives an identity roles, a name, labels or a kind: what is named changes. */
export async function approveIdentity(uuid: string, flags: ApproveFlags, surroundings: Surroundings): Promise<void> {
  const { role: roles, name, label: labels, kind } = flags;
  if ([roles, name, labels, kind].every((one) => one === undefined)) {
    throw new UsageError('identity approve: what it may do or is: --role, --name, --label or --kind');
  }
  const described = { roles, name, labels, kind: kind && KINDS[kind] };
  await withAdministrator(flags, surroundings, async (yard) => {
    const { identity } = await yard.identities.update(uuid, described, { signal: surroundings.signal });
    await printIdentity(identity, flags, surroundings);
  });
}

/** Forgets an identity. */
export async function forgetIdentity(
  uuid: string,
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  await withAdministrator(flags, surroundings, async (yard) => {
    await yard.identities.forget(uuid, { signal });
    if (flags.json) return terminal.out.json({ identityUuid: uuid, forgotten: true });
    await terminal.out.write(`${uuid} is forgotten: the next key that it shows binds it`);
  });
}

/** Replaces all keys of an identity by the public key that is named: base64 of its DER, or a PEM file. */
export async function bindIdentity(
  uuid: string,
  key: string,
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const publicKey = await publicKeyOf(key);
  await withAdministrator(flags, surroundings, async (yard) => {
    const { identity } = await yard.identities.bind(uuid, publicKey, { signal: surroundings.signal });
    await printIdentity(identity, flags, surroundings);
  });
}

async function printIdentity(
  identity: Identity,
  flags: { readonly json?: boolean },
  { terminal }: Surroundings,
): Promise<void> {
  const { out } = terminal;
  if (flags.json) return out.json(identityFacts(identity));
  await out.write(`${identity.identityUuid}: ${stateOf(identity)}`);
  const { name, roles, labels, cvids } = identity;
  await out.writeLines([
    ...(name === '' ? [] : [`name: ${name}`]),
    ...(roles.length === 0 ? [] : [`roles: ${roles.join(', ')}`]),
    ...Object.entries(labels).map(([key, value]) => `label: ${key}=${value}`),
    ...(cvids.length === 0 ? [] : [`sessions: ${cvids.join(', ')}`]),
  ]);
  await writeTable(out, KEY_COLUMNS, identity.keys, { isWide: true });
  const vouched = identity.keys.filter((key) => key.vouched !== '');
  await out.writeLines(vouched.map((key) => `${originWord(key)}: ${key.vouched}`));
  await out.writeLines(identity.barredKeyIds.map((id) => `barred: ${id}`));
}

function identityFacts({ keys, ...facts }: Identity): object {
  const { kind: _, ...plain } = facts;
  return {
    ...plain,
    state: stateOf({ keys, ...facts }),
    keys: keys.map((key) => ({ ...key, origin: originWord(key), publicKey: key.publicKey.toString('base64') })),
  };
}

/** Its session; of a person who has several, the first and how many more. */
function sidsOf({ cvid, cvids }: Identity): string {
  if (cvid === 0) return '-';
  return cvids.length > 1 ? `${cvid} +${cvids.length - 1}` : String(cvid);
}

function stateOf({ revoked, cvid }: Identity): string {
  return revoked ? 'revoked' : cvid === 0 ? 'away' : 'here';
}

function originWord(key: IdentityKey | undefined): string {
  if (key === undefined) return '-';
  const words: Readonly<Record<number, string>> = {
    [KeyOrigin.FIRST_USE]: 'first use',
    [KeyOrigin.ADMINISTRATOR]: 'administrator',
    [KeyOrigin.ROTATION]: 'rotation',
    [KeyOrigin.TICKET]: 'ticket',
    [KeyOrigin.CERTIFICATE]: 'certificate',
    [KeyOrigin.ISSUER]: 'issuer',
  };
  return words[key.origin] ?? String(key.origin);
}

async function publicKeyOf(text: string): Promise<Buffer> {
  if (/^[A-Za-z0-9+/]{59,}={0,2}$/.test(text)) return Buffer.from(text, 'base64');
  try {
    return createPublicKey(await readFile(text, 'utf8')).export({ type: 'spki', format: 'der' });
  } catch {
    throw new UsageError(`${text}: neither a public key in base64, as key show prints it, nor a PEM file with one`);
  }
}

async function known<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new Failure(asError(error).message);
  }
}
