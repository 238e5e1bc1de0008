import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock, Random } from '../../base/clock.js';
import { codeOf } from '../../base/errors.js';
import { createPrivateFile, PrivateFileError, readPrivateFile, replacePrivateFile } from '../../base/private-files.js';
import { formatPin, OWN_SERVER_NAME, pinOf } from '../../trust/pin.js';
import {
  AUTHORITY_KEY_FILE,
  ensureAuthorityKey,
  NEXT_KEY_FILE,
  pinOfKey,
  readAuthorityKeys,
} from './authority-keys.js';
import type { CertificateContent } from './make-certificate.js';

const DAY_MS = 86_400_000;
/** So that a client whose clock is behind takes a new certificate. */
const BACKDATED_MS = DAY_MS;
/** As long as the devices of a fleet live: their tickets carry the pin of its key, which outlives even that. */
const AUTHORITY_MS = 3_652 * DAY_MS;
/** An authority that ends sooner gets another certificate, of the same key: pins stay good. */
const AUTHORITY_LEFT_MS = 365 * DAY_MS;
/** Short, because nothing revokes a leaf whose key was read by others. */
const LEAF_MS = 90 * DAY_MS;
/** A leaf with less time left is replaced: a month to notice that it cannot be. */
const LEAF_LEFT_MS = 30 * DAY_MS;
const SERIAL_BYTES = 16;

const AUTHORITY_FILE = 'authority.pem';
const LEAF_FILE = 'server.pem';

/** What a server's own certificates are made with. */
export interface OwnCertificatesDeps {
  /** The data folder; undefined: they are made anew at each start, and clients do not know them again. */
  readonly folder: string | undefined;
  /** Names and addresses by which clients reach the server, besides `switchyard`. */
  readonly names: () => readonly string[];
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly random: Random;
  readonly log: Logger;
  /** Gets what happened to the authorities, for the audit log. */
  readonly acted?: (act: AuthorityAct) => void;
}

/** What happened to the authorities of a server, and the pin of the one that it happened to. */
export interface AuthorityAct {
  readonly what: 'HoldNextAuthority' | 'UseNextAuthority' | 'DropNextAuthority';
  readonly pin: Buffer;
}

/** A certificate chain with the private key of its first certificate, PEM. */
export interface OwnChain {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * The certificates that a server makes for itself: an authority, whose key clients pin, and a leaf signed by it, which is replaced
 * in time. Kept in the data folder, readable by its owner alone. A next authority may stand beside the one in use: clients learn its pin
 * before it takes over.
 */
export class OwnCertificates {
  readonly #deps: OwnCertificatesDeps;
  #authorityKey: KeyObject;
  #authority: X509Certificate | undefined;
  #chain: OwnChain | undefined;
  /** Kept, since each challenge tells them, and working one out costs as much as checking a signature. */
  #pins: readonly Buffer[] = [];
  /** The keys of the folder were read, or a next one is known from before. */
  #isWhole = true;

  private constructor(deps: OwnCertificatesDeps) {
    this.#deps = deps;
    this.#authorityKey = ensureAuthorityKey(deps.folder);
  }

  /** Reads those of the data folder, and makes what is missing or ends soon. Rejects with a PrivateFileError where others can change them. */
  static async open(deps: OwnCertificatesDeps): Promise<OwnCertificates> {
    const own = new OwnCertificates(deps);
    own.#readFolder();
    await own.renew({ mayLackNames: false });
    const { folder, log } = deps;
    const about = { pin: formatPin(own.pin), validTo: own.authority.validTo };
    if (folder === undefined)
      log.warn(about, 'TLS by an authority that lives as long as this process: --data keeps one');
    else log.info(about, "TLS by this server's own authority: `switchyard cert export` writes it for clients");
    return own;
  }

  /** What TLS ports show. */
  get chain(): OwnChain {
    return this.#chain!;
  }

  get authority(): X509Certificate {
    return this.#authority!;
  }

  /** SHA-256 of the authority's SubjectPublicKeyInfo. */
  get pin(): Buffer {
    return this.#pins[0];
  }

  /** By what clients may know the server: the authority in use, and the next one where there is one. At most two. */
  get pins(): readonly Buffer[] {
    return this.#pins;
  }

  /** What clients are to keep: none while a next key may be there that cannot be read, or they would forget it. */
  get toldPins(): readonly Buffer[] {
    return this.#isWhole ? this.#pins : [];
  }

  /**
   * Takes the authorities that are in the folder now, and replaces the certificates that end soon; with `mayLackNames` false also a leaf
   * that lacks a name of the server's. When it rejects, all that was in use stays in use.
   */
  async renew({ mayLackNames = true } = {}): Promise<void> {
    const { key, nextPin, isWhole = true } = this.#readKeys();
    const { certificate, isNew } = await this.#renewedAuthority(key);
    const isGood = !isNew && this.#chain !== undefined && this.#isGoodLeaf(this.#chain, certificate, mayLackNames);
    const chain = isGood ? this.#chain : await this.#makeLeaf(certificate, key);
    const former = { authority: this.#authority, nextPin: this.#pins[1] };
    // In one step, when all files are written: a client that was told of the former authority alone in between would forget the next one.
    this.#authorityKey = key;
    this.#authority = certificate;
    this.#chain = chain;
    this.#isWhole = isWhole;
    this.#pins = [pinOf(certificate), ...(nextPin === undefined ? [] : [nextPin])];
    this.#sayActs(former.nextPin, former.authority?.checkPrivateKey(key) === false);
  }

  /** The authorities' keys in the folder; where they cannot be read, those in use. */
  #readKeys(): { readonly key: KeyObject; readonly nextPin: Buffer | undefined; readonly isWhole?: boolean } {
    const { folder, log } = this.#deps;
    const inUse = { key: this.#authorityKey, nextPin: this.#pins[1] };
    if (folder === undefined) return inUse;
    try {
      const { present = inUse.key, next } = readAuthorityKeys(folder);
      return { key: present, nextPin: next && pinOfKey(next) };
    } catch (error) {
      log.error({ err: error }, 'the keys of the authorities cannot be read; those from before stay in use');
      return { ...inUse, isWhole: inUse.nextPin !== undefined };
    }
  }

  #sayActs(formerNext: Buffer | undefined, isOther: boolean): void {
    const { log, acted } = this.#deps;
    const [pin, nextPin] = this.#pins;
    if (isOther) {
      const text = 'another authority is in use: clients that have not learnt its pin are refused';
      log.warn({ pin: formatPin(pin) }, text);
      acted?.({ what: 'UseNextAuthority', pin });
    }
    const isHeld = (one: Buffer) => this.#pins.some((held) => held.equals(one));
    if (formerNext !== undefined && !isHeld(formerNext)) {
      acted?.({ what: 'DropNextAuthority', pin: formerNext });
    }
    if (nextPin !== undefined && formerNext?.equals(nextPin) !== true) {
      log.info({ pin: formatPin(nextPin) }, 'clients that connect learn the pin of the next authority');
      acted?.({ what: 'HoldNextAuthority', pin: nextPin });
    }
  }

  #readFolder(): void {
    const { folder } = this.#deps;
    if (folder === undefined) return;
    const authority = readPrivateFile(join(folder, AUTHORITY_FILE));
    this.#authority = authority === undefined ? undefined : parsed(join(folder, AUTHORITY_FILE), authority);
    const leaf = readPrivateFile(join(folder, LEAF_FILE));
    const [key] = leaf?.match(/-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----\n/) ?? [];
    // One that a crash has cut short, or that is no certificate, is made anew: nobody has pinned it.
    if (leaf === undefined || key === undefined) return;
    this.#chain = { cert: Buffer.from(leaf.replace(key, '')), key: Buffer.from(key) };
  }

  async #renewedAuthority(key: KeyObject): Promise<{ readonly certificate: X509Certificate; readonly isNew: boolean }> {
    const { clock, folder, log } = this.#deps;
    const former = this.#authority;
    const isOfKey = former?.checkPrivateKey(key) ?? false;
    if (former !== undefined && isOfKey && isGood(former, clock.wallMs(), AUTHORITY_LEFT_MS))
      return { certificate: former, isNew: false };
    const { makeAuthorityCertificate } = await import('./make-certificate.js');
    const certificate = makeAuthorityCertificate(this.#content('Switchyard authority', key, AUTHORITY_MS));
    if (folder !== undefined) replacePrivateFile(join(folder, AUTHORITY_FILE), certificate.toString());
    if (former !== undefined && isOfKey)
      log.warn('the authority has a new certificate of the same key: pins stay good, copies do not');
    return { certificate, isNew: true };
  }

  async #makeLeaf(authority: X509Certificate, authorityKey: KeyObject): Promise<OwnChain> {
    const { makeLeafCertificate } = await import('./make-certificate.js');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const content = this.#content(OWN_SERVER_NAME, privateKey, LEAF_MS);
    const leaf = makeLeafCertificate(content, this.#names(), { certificate: authority, key: authorityKey });
    const cert = Buffer.from(`${leaf.toString()}${authority.toString()}`);
    const key = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const { folder } = this.#deps;
    if (folder !== undefined) replacePrivateFile(join(folder, LEAF_FILE), `${cert}${key}`);
    return { cert, key };
  }

  #content(commonName: string, key: KeyObject, lastsMs: number): CertificateContent {
    const { clock, random } = this.#deps;
    const nowMs = clock.wallMs();
    const serial = random.bytes(SERIAL_BYTES);
    return { commonName, key, serial, notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: nowMs + lastsMs };
  }

  #isGoodLeaf({ cert, key }: OwnChain, authority: X509Certificate, mayLackNames: boolean): boolean {
    try {
      const leaf = new X509Certificate(cert);
      const isOurs = leaf.verify(authority.publicKey) && leaf.checkPrivateKey(createPrivateKey(key));
      const hasNames = mayLackNames || this.#names().every((name) => hasName(leaf, name));
      return isOurs && hasNames && isGood(leaf, this.#deps.clock.wallMs(), LEAF_LEFT_MS);
    } catch {
      return false;
    }
  }

  #names(): string[] {
    return [...new Set([OWN_SERVER_NAME, ...this.#deps.names()])];
  }
}

/** Copies the authority of one data folder into another, so that clients know a restored server again. Nothing where there is none. */
export function copyAuthority(from: string, to: string): void {
  // The next key first, so that a copy cut short never has the key in use alone: a server on that would tell clients so, and they would
  // forget the next one. The certificate last: it can be made again, of the same key.
  for (const file of [NEXT_KEY_FILE, AUTHORITY_KEY_FILE, AUTHORITY_FILE]) {
    const content = readPrivateFile(join(from, file));
    if (content !== undefined) createPrivateFile(join(to, file), content);
  }
}

/** The authority's certificate of a data folder; undefined where there is none that the caller may read. */
export function readAuthority(folder: string): X509Certificate | undefined {
  return readWherePossible(join(folder, AUTHORITY_FILE), (path, text) => parsed(path, text));
}

/** The leaf of a data folder, for people; undefined where there is none that the caller may read. */
export function readLeaf(folder: string): X509Certificate | undefined {
  return readWherePossible(join(folder, LEAF_FILE), (path, text) => parsed(path, text));
}

function readWherePossible<T>(path: string, parse: (path: string, text: string) => T): T | undefined {
  try {
    const text = readPrivateFile(path);
    return text === undefined ? undefined : parse(path, text);
  } catch (error) {
    if (codeOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

function parsed(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new PrivateFileError(`${path} holds no certificate in PEM: delete it, and the next start makes it anew`, {
      cause,
    });
  }
}

function isGood({ validFrom, validTo }: X509Certificate, nowMs: number, leftMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && Date.parse(validTo) - nowMs >= leftMs;
}

function hasName(leaf: X509Certificate, name: string): boolean {
  return leaf.checkHost(name) !== undefined || leaf.checkIP(name) !== undefined;
}
