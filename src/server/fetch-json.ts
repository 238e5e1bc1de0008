import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import { readNamedFile } from '../base/private-files.js';
import type { FetchJson } from '../trust/oidc/issuer-keys.js';

/**
 * Fetches JSON over HTTPS, with a connection of its own and no redirects. `authorities` is a file of further authorities beside those of
 * Node, read each time, so that a new one needs no restart.
 */
export function fetchJson(authorities: string | undefined): FetchJson {
  return (url, { bytesMax, signal }) =>
    new Promise((resolve, reject) => {
      const ca = authorities === undefined ? undefined : [...rootCertificates, readNamedFile(authorities)];
      const headers = { accept: 'application/json' };
      const call = request(url, { ca, signal, headers, agent: false, minVersion: 'TLSv1.2' }, (answer) => {
        const refuse = (why: string) => {
          reject(new Error(`${url}: ${why}`));
          answer.destroy();
        };
        if (answer.statusCode !== 200) return refuse(`answers ${answer.statusCode}`);
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bytesMax) refuse(`has more than ${bytesMax} bytes`);
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch {
            reject(new Error(`${url}: is no JSON`));
          }
        });
      });
      call.on('error', reject);
      call.end();
    });
}
