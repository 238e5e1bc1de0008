import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.js';
import { keyIdOf } from '../trust/public-key.js';

/** SHA-256 of the key of the server's own certificate, the first of the chain; undefined for a server without TLS. */
export async function leafKeyId({ tlsCert }: Config): Promise<Buffer | undefined> {
  if (tlsCert === undefined) return undefined;
  const { publicKey } = new X509Certificate(await readFile(tlsCert));
  return keyIdOf(publicKey.export({ type: 'spki', format: 'der' }));
}
