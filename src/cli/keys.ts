import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Identity, type IdentityKey, KeyOrigin, msOf, readKey, replaceKey } from '../client/index.js';
import { type ConnectionFlags, withServer } from './connection.js';
import { jsonLine } from './json-line.js';
import { instanceOf, type KeyFlags, keyName, ownKeyPath } from './own-key.js';
import { Failure, type Surroundings, UsageError } from './surroundings.js';
import { formatTable } from './table.js';
import { durationWord } from './words.js';

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
  if (flags.json) return terminal.out.write(jsonLine(facts));
  const lines = [
    `instance    ${uuid}`,
    `key         ${facts.keyId}`,
    `public key  ${publicKey}`,
    `kept in     ${path}`,
  ];
  await terminal.out.write(lines.map((line) => `${line}\n`).join(''));
}

/** Makes a new key in the place of the one that is kept, and tells the server. */
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
    const line = `${uuid} has the key ${facts.keyId}; the old one is good for ${durationWord(overlapMs)}\n`;
    await terminal.out.write(flags.json ? jsonLine(facts) : line);
  });
}

/** Lists the identities that the server knows, as an administrator. */
export async function listIdentities(
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const identities: Identity[] = [];
  await withServer(flags, surroundings, async (yard) => {
    for await (const identity of yard.identities.list({ signal })) {
      if (flags.json) await terminal.out.write(jsonLine(identityFacts(identity)));
      else identities.push(identity);
    }
  });
  if (flags.json) return;
  const table = formatTable(
    [
      { heading: 'UUID', value: (identity) => identity.identityUuid },
      { heading: 'STATE', value: stateOf },
      { heading: 'SID', value: (identity) => identity.cvid || '-', right: true },
      { heading: 'KEYS', value: (identity) => identity.keys.length, right: true },
      { heading: 'NEWEST', value: (identity) => identity.keys.at(-1)?.keyId.slice(0, 16) ?? '-' },
      { heading: 'BY', value: (identity) => originWord(identity.keys.at(-1)) },
      { heading: 'BOUND', value: (identity) => identity.keys.at(-1)?.boundAt?.toISOString() ?? '-' },
    ],
    identities,
    terminal.colors.bold,
  );
  await terminal.out.write(table);
}

/** Shows one identity with its keys. */
export async function showIdentity(
  uuid: string,
  flags: ConnectionFlags & { readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { signal } = surroundings;
  await withServer(flags, surroundings, async (yard) => {
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
  await withServer(flags, surroundings, async (yard) => {
    const { identity } = await yard.identities.revoke(uuid, { signal: surroundings.signal });
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
  await withServer(flags, surroundings, async (yard) => {
    await yard.identities.forget(uuid, { signal });
    const line = `${uuid} is forgotten: the next key that it shows binds it\n`;
    await terminal.out.write(flags.json ? jsonLine({ identityUuid: uuid, forgotten: true }) : line);
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
  await withServer(flags, surroundings, async (yard) => {
    const { identity } = await yard.identities.bind(uuid, publicKey, { signal: surroundings.signal });
    await printIdentity(identity, flags, surroundings);
  });
}

async function printIdentity(
  identity: Identity,
  flags: { readonly json?: boolean },
  { terminal }: Surroundings,
): Promise<void> {
  if (flags.json) return terminal.out.write(jsonLine(identityFacts(identity)));
  const keys = formatTable(
    [
      { heading: 'KEY', value: (key) => key.keyId },
      { heading: 'BY', value: originWord },
      { heading: 'BOUND', value: (key) => key.boundAt?.toISOString() ?? '-' },
      { heading: 'GOOD UNTIL', value: (key) => key.goodUntil?.toISOString() ?? '-' },
    ],
    identity.keys,
    terminal.colors.bold,
  );
  const barred = identity.barredKeyIds.map((id) => `barred: ${id}\n`).join('');
  await terminal.out.write(`${identity.identityUuid}: ${stateOf(identity)}\n${keys}${barred}`);
}

function identityFacts({ keys, ...facts }: Identity): object {
  const { kind: _, ...plain } = facts;
  return {
    ...plain,
    state: stateOf({ keys, ...facts }),
    keys: keys.map((key) => ({ ...key, origin: originWord(key), publicKey: key.publicKey.toString('base64') })),
  };
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
    throw new Failure((error as Error).message);
  }
}
