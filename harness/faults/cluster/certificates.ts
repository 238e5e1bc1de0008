import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../namespaces.js';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** The options of a server that name its certificate for the door of the other servers, made in a folder by openssl. */
export class PeerCertificates {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    const authority = [
      '-x509',
      '-keyout',
      this.#path('ca-key.pem'),
      '-out',
      this.#path('ca.pem'),
      '-subj',
      '/CN=peers',
    ];
    run(['openssl', 'req', ...KEY, ...authority]);
  }

  /** Makes the certificate of one server; the result are its options. */
  issue(name: string): readonly string[] {
    const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) => this.#path(`${name}.${end}`));
    writeFileSync(extensions, `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    run(['openssl', 'req', ...KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`]);
    const authority = ['-CA', this.#path('ca.pem'), '-CAkey', this.#path('ca-key.pem'), '-CAcreateserial'];
    run(['openssl', 'x509', '-req', '-in', request, ...authority, '-days', '2', '-extfile', extensions, '-out', cert]);
    return ['--peer-cert', cert, '--peer-key', key, '--peer-ca', this.#path('ca.pem')];
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
