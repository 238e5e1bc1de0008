import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  type X509Certificate,
} from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { makeAuthorityCertificate } from '../../src/server/certificates/make-certificate.js';

const COMMON_NAME = '2.5.4.3';
const HOUR_MS = 3_600_000;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/** An authority of client certificates. */
export interface TestAuthority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** What a client shows. */
export interface ClientCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What is out of the ordinary in a client certificate. */
export interface CertificateParts {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly isAuthority?: boolean;
  readonly usage?: number;
  readonly fromMs?: number;
  readonly untilMs?: number;
}

/** A new authority. */
export function makeAuthority(): TestAuthority {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const times = { notBeforeMs: Date.now() - HOUR_MS, notAfterMs: Date.now() + HOUR_MS };
  const commonName = `Instances ${randomBytes(4).toString('hex')}`;
  return { certificate: makeAuthorityCertificate({ commonName, key, serial: randomBytes(16), ...times }), key };
}

/** A client certificate of an authority, with a key of its own. */
export function issueCertificate(authority: TestAuthority, parts: CertificateParts): ClientCertificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { uris = [], dnsNames = [], isAuthority = false, usage = KeyUsageFlags.digitalSignature } = parts;
  const { fromMs = Date.now() - HOUR_MS, untilMs = Date.now() + HOUR_MS } = parts;
  const names = [
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...uris.map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
  ];
  const { tbsCertificate: issuer } = AsnConvert.parse(authority.certificate.raw, Certificate);
  const value = new AttributeValue({ utf8String: 'instance' });
  const called = new AttributeTypeAndValue({ type: COMMON_NAME, value });
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: arrayOf(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    signature: algorithm,
    issuer: issuer.subject,
    validity: new Validity({ notBefore: new Date(fromMs), notAfter: new Date(untilMs) }),
    subject: new Name([new RelativeDistinguishedName([called])]),
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: isAuthority })),
      extension(id_ce_keyUsage, new KeyUsage(usage)),
      ...(names.length === 0 ? [] : [extension(id_ce_subjectAltName, new SubjectAlternativeName(names))]),
    ]),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), authority.key);
  const signed = new Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue: arrayOf(signature) });
  const lines = Buffer.from(AsnConvert.serialize(signed))
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return {
    cert: Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`),
    key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

/** The URI of an instance. */
export function spiffe(uuid: string, { domain = 'fleet.example', network = 'default' } = {}): string {
  return `spiffe://${domain}/network/${network}/instance/${uuid}`;
}

function extension(extnID: string, value: object): Extension {
  return new Extension({ extnID, critical: true, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function arrayOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
