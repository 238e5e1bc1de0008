import { createPublicKey, hash, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

/** What a certificate says, and who signs it. */
export interface CertificateContent {
  /** Its name, for people; the last part of it. */
  readonly commonName: string;
  /** Whose certificate it is: its private key, of which only the public half goes in. */
  readonly key: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** 16 random bytes. */
  readonly serial: Uint8Array;
}

/** An authority: its certificate, and the private key that signs by it. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const ID_COMMON_NAME = '2.5.4.3';
const { keyCertSign, cRLSign, digitalSignature } = KeyUsageFlags;

/** The certificate of an authority that signs leaves and nothing else, by its own key. */
export function makeAuthorityCertificate(content: CertificateContent): X509Certificate {
  const keyId = keyIdentifierOf(content.key);
  return signedBy(content.key, content, nameOf(content.commonName), [
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), { critical: true }),
    extension(id_ce_keyUsage, new KeyUsage(keyCertSign | cRLSign), { critical: true }),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId)),
  ]);
}

/** A server's certificate, for names and addresses, signed by an authority. */
export function makeLeafCertificate(
  content: CertificateContent,
  names: readonly string[],
  { certificate, key }: Authority,
): X509Certificate {
  const keyId = keyIdentifierOf(content.key);
  const keyIdentifier = new KeyIdentifier(keyIdentifierOf(key));
  const issuer = AsnConvert.parse(certificate.raw, Certificate).tbsCertificate.subject;
  return signedBy(key, content, issuer, [
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), { critical: true }),
    extension(id_ce_keyUsage, new KeyUsage(digitalSignature), { critical: true }),
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
    extension(id_ce_subjectAltName, new SubjectAlternativeName(names.map(generalName))),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId)),
    extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier })),
  ]);
}

function signedBy(signer: KeyObject, content: CertificateContent, issuer: Name, extensions: Extension[]) {
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const { notBeforeMs, notAfterMs } = content;
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: positive(content.serial),
    signature: algorithm,
    issuer,
    validity: new Validity({ notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) }),
    subject: nameOf(content.commonName),
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(content.key), SubjectPublicKeyInfo),
    extensions: new Extensions(extensions),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), signer);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: bufferOf(signature),
  });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate)));
}

function extension(extnID: string, value: unknown, { critical = false } = {}): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: ID_COMMON_NAME, value })])]);
}

function generalName(name: string): GeneralName {
  return new GeneralName(isIP(name) === 0 ? { dNSName: name } : { iPAddress: name });
}

/** RFC 5280, section 4.2.1.2, by SHA-256 cut to 20 bytes (RFC 7093). */
function keyIdentifierOf(key: KeyObject): ArrayBuffer {
  return bufferOf(hash('sha256', spkiOf(key), 'buffer').subarray(0, 20));
}

function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** An INTEGER above zero, as RFC 5280 asks of serial numbers: 01 to 7f in front. */
function positive(serial: Uint8Array): ArrayBuffer {
  const bytes = Uint8Array.from(serial);
  bytes[0] = (bytes[0] & 0x7f) | 0x01;
  return bufferOf(bytes);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
