import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import { readNamedFile } from '../../base/private-files.js';
import { type Config, IN_MEMORY } from '../../config/options.js';
import { tlsPlan } from '../../config/tls-plan.js';
import { keyIdOf } from '../../trust/public-key.js';
import { type AuthorityAct, OwnCertificates, type OwnCertificatesDeps } from './own-certificates.js';

/**
 * How often the files are looked at. Tools renew certificates days before they end, so that a minute is soon enough, and reading
 * three small files costs nothing.
 */
const LOOK_EVERY_MS = 60_000;

/** What a server shows and whom it believes: the content of the files that the options name, PEM. */
export interface CertificateFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The authority of clients; absent: they are not asked for a certificate. */
  readonly ca?: Buffer;
  /** The authorities whose certificates say who an instance is; absent: no certificate says that. Never together with `ca`. */
  readonly identityCa?: Buffer;
}

/** The same for a port that asks clients for certificates. */
export function askingTls({ cert, key, ca, identityCa }: CertificateFiles) {
  const authorities = ca ?? identityCa;
  return authorities === undefined ? { cert, key } : { cert, key, ca: authorities };
}

/** Certificates that cannot be used: the message names the options, and says why. */
export class CertificateError extends Error {}

/** What a {@link CertificateKeeper} stands on. */
export interface CertificateKeeperDeps extends Pick<OwnCertificatesDeps, 'names' | 'random'> {
  readonly clock: Clock;
  readonly log: Logger;
  /** Reads a file; another way only in tests. */
  readonly read?: (path: string) => Buffer;
}

type Paths = Pick<Config, 'tlsCert' | 'tlsKey' | 'tlsClientCa' | 'identityCa'>;

/**
 * The server's certificates, kept up to date: when their files change, every TLS port uses the new ones for the connections that come
 * from then on. Those that stand go on with what they began with. Files that cannot be used change nothing: the log says why, and the
 * old ones stay in use until there are better ones.
 */
export class CertificateKeeper {
  #files: CertificateFiles;
  /** Those that go with the files in use: a pin of what is not shown yet, told alone, would lock clients out. */
  #pins: readonly Buffer[] = [];
  #toldPins: readonly Buffer[] = [];
  #leafKeyIds: readonly Buffer[];
  /** The last files that were refused, so that they are complained of once. */
  #refused: CertificateFiles | undefined;
  readonly #users: ((files: CertificateFiles) => void)[] = [];
  #timer: Timer | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(
    private readonly paths: Paths,
    private readonly deps: CertificateKeeperDeps,
    /** Where the certificate comes from when no option names one. */
    private readonly own: OwnCertificates | undefined,
    private readonly acts: AuthorityActs,
  ) {
    this.#files = this.#read();
    check(this.#files, paths);
    this.#leafKeyIds = [leafKeyIdOf(this.#files)];
    this.#takePins();
    this.#schedule();
  }

  /**
   * Reads the files that the options name, or those that the server makes for itself; undefined when no port speaks TLS. Rejects with a
   * {@link CertificateError}, or as reading does.
   */
  static async open(config: Config, deps: CertificateKeeperDeps): Promise<CertificateKeeper | undefined> {
    const { source } = tlsPlan(config);
    if (source === 'none') return undefined;
    const folder = config.data === IN_MEMORY ? undefined : config.data;
    const acts = new AuthorityActs();
    const acted = (act: AuthorityAct) => acts.add(act);
    const own = source === 'own' ? await OwnCertificates.open({ ...deps, folder, acted }) : undefined;
    return new CertificateKeeper(config, deps, own, acts);
  }

  /** What is in use. */
  get files(): CertificateFiles {
    return this.#files;
  }

  /**
   * SHA-256 of the key of each certificate that proofs may be bound to: the one in use, and the one before it, which connections
   * that stand have seen.
   */
  get leafKeyIds(): readonly Buffer[] {
    return this.#leafKeyIds;
  }

  /**
   * By what clients may know the server: its own authority, and the next one. None with --tls-cert, as only a certificate that the server
   * makes has the name that clients with a pin expect.
   */
  get pins(): readonly Buffer[] {
    return this.#pins;
  }

  /** What clients that are connected are told to keep of these: none while a next key is there that cannot be read, or they would forget it. */
  get toldPins(): readonly Buffer[] {
    return this.#toldPins;
  }

  /** Tells of every change from now on. */
  onChange(take: (files: CertificateFiles) => void): void {
    this.#users.push(take);
  }

  /** Tells what happened to the authorities since the start. */
  onAct(take: (act: AuthorityAct) => void): void {
    this.acts.take = take;
  }

  /** Renews what the server makes for itself, and looks at the files. Once at a time, and never rejects. */
  renew(): Promise<void> {
    this.#renewing = this.#renewing.then(() => this.#renew());
    return this.#renewing;
  }

  /** Looks at the files, and puts them to use when they have changed and are in order. */
  reload(): void {
    // Another file that cannot be used keeps no next authority from being told: its pin goes with what is shown already.
    this.#takePins();
    let files: CertificateFiles | undefined;
    try {
      files = this.#read();
      if (same(files, this.#files) || (this.#refused !== undefined && same(files, this.#refused))) return;
      check(files, this.paths);
      checkTime(files, this.deps.clock.wallMs());
    } catch (error) {
      this.#refused = files;
      this.deps.log.error({ err: error }, 'the new certificate cannot be used; the one from before stays in use');
      return;
    }
    this.#refused = undefined;
    this.#files = files;
    this.#takePins();
    const leaf = leafKeyIdOf(files);
    const [former] = this.#leafKeyIds;
    if (!former.equals(leaf)) this.#leafKeyIds = [leaf, former];
    for (const take of this.#users) this.#hand(files, take);
    const { subject, validTo } = new X509Certificate(files.cert);
    this.deps.log.info({ subject, validTo }, 'a new certificate is in use');
  }

  /** One port that cannot take them keeps no other from it, nor the next look. */
  #hand(files: CertificateFiles, take: (files: CertificateFiles) => void): void {
    try {
      take(files);
    } catch (error) {
      this.deps.log.error({ err: error }, 'a port cannot take the new certificate; it shows the old one');
    }
  }

  /** Takes the pins of the server's own authorities where their certificate is the one in use, and then says what happened to them. */
  #takePins(): void {
    const { own } = this;
    if (own === undefined || !own.chain.cert.equals(this.#files.cert) || !own.chain.key.equals(this.#files.key)) return;
    this.#pins = own.pins;
    this.#toldPins = own.toldPins;
    this.acts.release();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    // One look after another, however long a renewal takes.
    this.#timer = this.deps.clock.after(LOOK_EVERY_MS, () => void this.renew().then(() => this.#schedule()));
  }

  async #renew(): Promise<void> {
    try {
      await this.own?.renew();
    } catch (error) {
      this.deps.log.error({ err: error }, "the server's own certificate cannot be renewed; the old one stays in use");
    }
    this.reload();
  }

  #read(): CertificateFiles {
    const { tlsCert, tlsKey, tlsClientCa, identityCa } = this.paths;
    const read = this.deps.read ?? readNamedFile;
    const own = this.own?.chain ?? { cert: read(tlsCert!), key: read(tlsKey!) };
    if (identityCa !== undefined) return { ...own, identityCa: read(identityCa) };
    return tlsClientCa === undefined ? own : { ...own, ca: read(tlsClientCa) };
  }
}

/** Acts that wait: a look at the keys has three at most, and one that waits for another file to be mended is rarely followed by many. */
const ACTS_MAX = 64;

/** Keeps what happens to the authorities until it is in use, and there is an audit log. The latest ones, where they are too many. */
class AuthorityActs {
  #new: AuthorityAct[] = [];
  #early: AuthorityAct[] = [];
  #take: ((act: AuthorityAct) => void) | undefined;

  set take(take: (act: AuthorityAct) => void) {
    this.#take = take;
    for (const act of this.#early.splice(0)) take(act);
  }

  add(act: AuthorityAct): void {
    this.#new = [...this.#new, act].slice(-ACTS_MAX);
  }

  /** What was added is in use. */
  release(): void {
    const acts = this.#new.splice(0);
    if (this.#take === undefined) this.#early = [...this.#early, ...acts].slice(-ACTS_MAX);
    else for (const act of acts) this.#take(act);
  }
}

/** SHA-256 of the SubjectPublicKeyInfo of the first certificate of the chain. */
export function leafKeyIdOf({ cert }: Pick<CertificateFiles, 'cert'>): Buffer {
  return keyIdOf(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }));
}

function same(one: CertificateFiles, other: CertificateFiles): boolean {
  const [former, next] = [askingTls(one).ca, askingTls(other).ca];
  const isSameAuthority = former === undefined || next === undefined ? former === next : former.equals(next);
  return isSameAuthority && one.cert.equals(other.cert) && one.key.equals(other.key);
}

function check(files: CertificateFiles, { tlsCert, tlsKey, tlsClientCa, identityCa }: Paths): void {
  const named = tlsCert === undefined ? [] : [`--tls-cert ${tlsCert}`, `--tls-key ${tlsKey}`];
  if (tlsClientCa !== undefined) named.push(`--tls-client-ca ${tlsClientCa}`);
  if (identityCa !== undefined) named.push(`--identity-ca ${identityCa}`);
  const tls = askingTls(files);
  try {
    // An authority that is no PEM is passed over in silence otherwise, and then nobody is believed.
    for (const pem of [tls.cert, ...(tls.ca === undefined ? [] : certificatesIn(tls.ca))]) new X509Certificate(pem);
    createSecureContext(tls);
  } catch (cause) {
    const text = `${named.join(', ')}: not a certificate with its private key in PEM: ${asError(cause).message}`;
    throw new CertificateError(text, { cause });
  }
}

/** Each certificate of a PEM; the PEM itself where there is none, which is a mistake. */
function certificatesIn(pem: Buffer): (string | Buffer)[] {
  const found = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  return found ?? [pem];
}

/** A certificate that no client would take is not put in the place of one that is good. */
function checkTime({ cert }: CertificateFiles, nowMs: number): void {
  const { validFrom, validTo } = new X509Certificate(cert);
  if (Date.parse(validTo) < nowMs) throw new CertificateError(`it has expired: it was good until ${validTo}`);
  if (Date.parse(validFrom) > nowMs) throw new CertificateError(`it is not good before ${validFrom}`);
}
