import { isLoopback } from '../base/address.js';
import { bytes, type LogAddress, type Option, optionalText } from './option.js';

/** The variable with the password of `--etcd-user`. There is no flag for it: others read those in the list of processes. */
export const ETCD_PASSWORD_VARIABLE = 'SWITCHYARD_ETCD_PASSWORD';

/** How an etcd is reached, as options. */
export const ETCD_OPTIONS = {
  etcdCa: optionalText(
    'etcd-ca',
    'FILE',
    "The authority of etcd's certificates, PEM, with --journal etcds://. Default: those that Node knows.",
  ),
  etcdCert: optionalText(
    'etcd-cert',
    'FILE',
    'The certificate that this server shows to an etcd with --client-cert-auth, PEM.',
  ),
  etcdKey: optionalText('etcd-key', 'FILE', 'Its private key, PEM.'),
  etcdUser: optionalText(
    'etcd-user',
    'NAME',
    'The user of an etcd whose authentication is turned on. It needs to read and write the prefix /switchyard/, and nothing else.',
  ),
  etcdPasswordFile: optionalText(
    'etcd-password-file',
    'FILE',
    `The file with its password; a line feed at its end is not part of it. Default: the variable ${ETCD_PASSWORD_VARIABLE}.`,
  ),
  etcdQuotaBytes: bytes(
    'etcd-quota',
    '2GiB',
    ['16MiB', '1024GiB'],
    "What etcd's file may have, its --quota-backend-bytes, where etcd does not say so itself: before 3.6. At 90 % no session is opened.",
  ),
} as const satisfies Record<string, Option<unknown>>;

/** How an etcd is reached, as it was given. */
export interface EtcdValues {
  readonly journal: LogAddress | undefined;
  readonly etcdCa: string | undefined;
  readonly etcdCert: string | undefined;
  readonly etcdKey: string | undefined;
  readonly etcdUser: string | undefined;
  readonly etcdPasswordFile: string | undefined;
  readonly etcdPassword: string | undefined;
}

/** What of it does not go together, in words. */
export function etcdContradictions(values: EtcdValues): string[] {
  const { journal, etcdCa, etcdCert, etcdKey, etcdUser, etcdPasswordFile, etcdPassword } = values;
  const found: string[] = [];
  const ofTls = [etcdCa, etcdCert, etcdKey].some((file) => file !== undefined);
  if (ofTls && journal?.isEncrypted !== true) {
    found.push('--etcd-ca, --etcd-cert and --etcd-key need TLS: --journal etcds://HOST:PORT');
  }
  if ((etcdCert === undefined) !== (etcdKey === undefined)) {
    found.push('--etcd-cert and --etcd-key go together: give both or neither');
  }
  if (etcdUser === undefined) {
    if (etcdPasswordFile !== undefined) found.push('--etcd-password-file needs --etcd-user');
    return found;
  }
  if (journal === undefined) found.push('--etcd-user needs --journal');
  else if (!journal.isEncrypted && !journal.members.every(isLoopback)) {
    found.push('--etcd-user beyond loopback needs TLS, or others read the password: --journal etcds://HOST:PORT');
  }
  if (etcdPassword === undefined) {
    found.push(`--etcd-user needs a password: --etcd-password-file FILE, or ${ETCD_PASSWORD_VARIABLE}`);
  }
  return found;
}

/** Where a password may be written. */
export interface PasswordPlaces {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Refuses a file that others can change. */
  readFile(path: string, kind?: 'trusted'): string;
}

/** The password of `--etcd-user`; undefined where there is none. Throws where its file cannot be read. */
export function readEtcdPassword(file: string | undefined, { env, readFile }: PasswordPlaces): string | undefined {
  // An empty variable is how a shell unsets one for a single command.
  if (file === undefined) return env[ETCD_PASSWORD_VARIABLE] || undefined;
  return readFile(file, 'trusted').replace(/\r?\n$/, '') || undefined;
}
