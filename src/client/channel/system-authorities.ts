import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { asError } from '../../base/errors.js';

/**
 * Where systems keep the authorities that they trust, in one file. Source: Go's crypto/x509 (root_linux.go, root_bsd.go): Debian, Fedora
 * and RHEL, SUSE, Alpine, BSD and macOS.
 */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/usr/local/share/certs/ca-root-nss.crt',
];

/**
 * The authorities that this system trusts, PEM: those of SSL_CERT_FILE, as OpenSSL's programs have it, or the system's own list, and
 * those of NODE_EXTRA_CA_CERTS besides. Node trusts a list of its own instead, so that an authority which a company has installed on its
 * machines is unknown to it; that list is only used where the system has none.
 *
 * Throws when a file that the environment names cannot be read.
 */
export function systemAuthorities(env: Readonly<Record<string, string | undefined>> = process.env): Buffer {
  const extra = named(env, 'NODE_EXTRA_CA_CERTS') ?? '';
  const trusted = named(env, 'SSL_CERT_FILE') ?? installed() ?? rootCertificates.join('\n');
  return Buffer.from(extra === '' ? trusted : `${trusted}\n${extra}`);
}

function installed(): string | undefined {
  const bundle = BUNDLES.find((path) => existsSync(path));
  return bundle === undefined ? undefined : readFileSync(bundle, 'utf8');
}

function named(env: Readonly<Record<string, string | undefined>>, variable: string): string | undefined {
  const path = env[variable];
  if (!path) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`${variable}: ${path}: cannot be read: ${asError(cause).message}`, { cause });
  }
}
