import type { X509Certificate } from 'node:crypto';
import { defaultDataFolder } from '../../config/config.js';
import { readAuthority, readLeaf } from '../../server/certificates/own-certificates.js';
import { formatPin, pinOf } from '../../trust/pin.js';
import { Failure, type Surroundings } from '../surroundings.js';

/** Which folder, and in what form. */
export interface CertificateFlags {
  readonly data?: string;
  readonly json?: boolean;
}

/** Prints by what clients know the server of a data folder, and until when its certificates are good. */
export async function showCertificates(flags: CertificateFlags, surroundings: Surroundings): Promise<void> {
  const folder = folderOf(flags, surroundings);
  const authority = authorityOf(folder);
  const leaf = readLeaf(folder);
  const facts = {
    pin: formatPin(pinOf(authority)),
    authority: { subject: authority.subject, validUntil: timeOf(authority) },
    server: leaf && { names: namesOf(leaf), validUntil: timeOf(leaf) },
  };
  const { out } = surroundings.terminal;
  if (flags.json) return out.json(facts);
  await out.writeLines([
    `pin        ${facts.pin}`,
    `authority  ${facts.authority.subject}, until ${facts.authority.validUntil}`,
    ...(facts.server === undefined ? [] : [`server     until ${facts.server.validUntil}, renewed by itself`]),
    ...(facts.server === undefined ? [] : [`names      ${facts.server.names.join(', ')}`]),
  ]);
}

/** Prints the authority's certificate, PEM, for clients that take a file. */
export async function exportCertificate(flags: CertificateFlags, surroundings: Surroundings): Promise<void> {
  const authority = authorityOf(folderOf(flags, surroundings));
  await surroundings.terminal.out.document(authority.toString());
}

function folderOf({ data }: CertificateFlags, surroundings: Surroundings): string {
  return data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
}

function authorityOf(folder: string): X509Certificate {
  const authority = readAuthority(folder);
  if (authority !== undefined) return authority;
  throw new Failure(`${folder} has no authority that you can read`, [
    'A server makes one at its first start with a port beyond loopback and without --tls-cert. Name its data folder with --data.',
  ]);
}

function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
}

function timeOf({ validTo }: X509Certificate): string {
  return new Date(validTo).toISOString();
}
