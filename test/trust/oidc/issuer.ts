import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { makeAuthorityCertificate, makeLeafCertificate } from '../../../src/server/certificates/make-certificate.js';

const HOUR_S = 3_600;
const BASE_S = 1_700_000_000;

/** A key of an issuer. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A new key that signs by an algorithm. */
export function makeKey(kid: string, alg = 'ES256'): IssuerKey {
  const make = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }[alg];
  if (make === undefined) throw new Error(`no keys of ${alg} here`);
  return { kid, alg, ...make() };
}

/** What a token may say besides what every good one says; `undefined` leaves it out. */
export interface TokenParts {
  readonly claims?: JWTPayload;
  readonly header?: Partial<JWTHeaderParameters>;
  /** Seconds since 1970. */
  readonly nowS?: number;
}

/** Signs a token of an issuer for `switchyard`, good for five minutes. */
export function signToken(issuer: string, key: IssuerKey, { claims, header, nowS = BASE_S }: TokenParts = {}) {
  const payload = { iss: issuer, aud: 'switchyard', sub: 'anna', iat: nowS, exp: nowS + 300, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey);
}

/** The public half of keys, as an issuer publishes them. */
export async function keySet(keys: readonly IssuerKey[]) {
  const made = keys.map(async ({ kid, alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }));
  return { keys: await Promise.all(made) };
}

/** A small OpenID Connect issuer: discovery and keys, over HTTPS with a certificate of an authority of its own. */
export class TestIssuer {
  keys: IssuerKey[] = [makeKey('first')];
  /** How often its keys were fetched. */
  fetches = 0;
  /** Answers in the place of the issuer's own. */
  answer: ((path: string, response: ServerResponse) => void) | undefined;
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), 'issuer-'));

  private constructor(server: Server, authority: string) {
    this.#server = server;
    writeFileSync(this.authorityFile, authority);
    server.on('request', ({ url = '' }, response) => {
      if (url === '/jwks') this.fetches++;
      if (this.answer !== undefined) this.answer(url, response);
      else void this.#answer(url, response);
    });
  }

  static async start(): Promise<TestIssuer> {
    const nowMs = Date.now();
    const content = (commonName: string) => ({
      commonName,
      key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      serial: randomBytes(16),
      notBeforeMs: nowMs - HOUR_S * 1_000,
      notAfterMs: nowMs + HOUR_S * 1_000,
    });
    const [root, leaf] = [content('Issuers'), content('issuer')];
    const certificate = makeAuthorityCertificate(root);
    const signed = makeLeafCertificate(leaf, ['127.0.0.1'], { certificate, key: root.key });
    const key = leaf.key.export({ type: 'pkcs8', format: 'pem' });
    const server = createServer({ key, cert: signed.toString() });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TestIssuer(server, certificate.toString());
  }

  /** Its authority's certificate, PEM. */
  get authorityFile(): string {
    return join(this.#folder, 'authority.pem');
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A token by its newest key, of this moment. */
  token(claims: JWTPayload = {}): Promise<string> {
    return signToken(this.url, this.keys.at(-1)!, { claims, nowS: Math.floor(Date.now() / 1_000) });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const discovery = { issuer: this.url, jwks_uri: `${this.url}/jwks` };
    const isKnown = path === '/jwks' || path === '/.well-known/openid-configuration';
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(path === '/jwks' ? await keySet(this.keys) : discovery));
  }
}
