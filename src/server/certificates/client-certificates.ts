import type { TLSSocket } from 'node:tls';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509';
import type { Clock } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import { NETWORK_NAME_PART } from '../../core/model/network.js';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const SPIFFE = new RegExp(`^spiffe://([a-z0-9._-]{1,255})/network/(${NETWORK_NAME_PART})/instance/(${UUID})$`);
/** Longer than a timer can wait; it is set again then. */
const DAY_MS = 86_400_000;

/** What of a TLS connection says who is at its other end. */
export type CertifiedSocket = Pick<
  TLSSocket,
  'getPeerX509Certificate' | 'authorized' | 'authorizationError' | 'once' | 'destroy'
>;

/**
 * What the other end of a TLS connection has shown; undefined for one without a certificate. The connection is closed when the
 * certificate ends, so that its client comes back with the next one.
 */
export function certificateOf(socket: CertifiedSocket, clock: Clock): CertificateClaim | undefined {
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  if (!socket.authorized) return invalid(wordsOf(socket.authorizationError));
  const goodUntilMs = Date.parse(shown.validTo);
  if (clock.wallMs() >= goodUntilMs) return invalid('it has expired');
  const claim = claimOf(shown.raw, goodUntilMs);
  if (!(claim instanceof Fault)) closeAt(goodUntilMs, socket, clock);
  return claim;
}

/** OpenSSL takes some encodings that a strict reader does not. */
function claimOf(der: Uint8Array, goodUntilMs: number): CertificateClaim {
  try {
    return readCertificate(der, goodUntilMs);
  } catch {
    return invalid('its encoding cannot be read');
  }
}

/** Whom a certificate is of, or why it says that of nobody. That an authority vouches for it is verified before. */
function readCertificate(der: Uint8Array, goodUntilMs: number): CertificateClaim {
  const { tbsCertificate } = AsnConvert.parse(der, Certificate);
  const extensionOf = (id: string) => tbsCertificate.extensions?.find(({ extnID }) => extnID === id)?.extnValue;
  const [constraints, usage, names] = [id_ce_basicConstraints, id_ce_keyUsage, id_ce_subjectAltName].map(extensionOf);
  if (constraints !== undefined && AsnConvert.parse(constraints, BasicConstraints).cA)
    return invalid("it is an authority's");
  if (usage !== undefined && (AsnConvert.parse(usage, KeyUsage).toNumber() & KeyUsageFlags.keyCertSign) !== 0)
    return invalid('its key may sign certificates');
  const all = names === undefined ? [] : [...AsnConvert.parse(names, SubjectAlternativeName)];
  const uris = all.flatMap(({ uniformResourceIdentifier: uri }) => (uri === undefined ? [] : [uri]));
  if (uris.length !== 1) return invalid(`it has ${uris.length} URIs; exactly one is taken`);
  const [uri] = uris;
  const [, trustDomain, network, uuid] = SPIFFE.exec(uri) ?? [];
  if (uuid === undefined)
    return invalid('its URI is not spiffe://TRUST-DOMAIN/network/NETWORK/instance/UUID, in lower case');
  return { uri, trustDomain, network, uuid, goodUntilMs };
}

function closeAt(goodUntilMs: number, socket: CertifiedSocket, clock: Clock): void {
  const wait = () => {
    const leftMs = goodUntilMs - clock.wallMs();
    timer = clock.after(Math.min(Math.max(0, leftMs), DAY_MS), () => (leftMs > DAY_MS ? wait() : socket.destroy()));
  };
  let timer = clock.after(DAY_MS, () => {});
  timer.cancel();
  wait();
  socket.once('close', () => timer.cancel());
}

function invalid(why: string): Fault {
  return new Fault('CERTIFICATE_INVALID', `the client certificate is not good: ${why}`);
}

/** OpenSSL's name of what is wrong, in words where many meet it. */
function wordsOf(error: unknown): string {
  const words: Readonly<Record<string, string>> = {
    CERT_HAS_EXPIRED: 'it has expired',
    CERT_NOT_YET_VALID: 'it is not good yet',
    INVALID_PURPOSE: 'it is not for clients',
  };
  return words[String(error)] ?? `no authority of --identity-ca vouches for it (${String(error)})`;
}
