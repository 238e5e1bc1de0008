import { asError } from '../../base/errors.js';
import { readNamedFile } from '../../base/private-files.js';
import type { EtcdValues } from '../../config/etcd-options.js';
import { channelCredentials, type EtcdAccess, type EtcdTls } from '../../log/etcd/access.js';

/** What the options say that an etcd is reached with. Throws an Error that names the option whose file cannot be used. */
export function etcdAccess(values: EtcdValues): EtcdAccess {
  const { journal, etcdUser, etcdPassword } = values;
  const tls = journal?.isEncrypted ? { tls: tlsOf(values) } : {};
  const user =
    etcdUser === undefined || etcdPassword === undefined ? {} : { user: { name: etcdUser, password: etcdPassword } };
  return checked({ ...tls, ...user });
}

function tlsOf({ etcdCa, etcdCert, etcdKey }: EtcdValues): EtcdTls {
  return {
    ...(etcdCa !== undefined && { ca: read('--etcd-ca', etcdCa) }),
    ...(etcdCert !== undefined && { cert: read('--etcd-cert', etcdCert) }),
    ...(etcdKey !== undefined && { key: read('--etcd-key', etcdKey) }),
  };
}

function read(option: string, path: string): Buffer {
  try {
    return readNamedFile(path);
  } catch (error) {
    throw new Error(`${option}: ${asError(error).message}`, { cause: error });
  }
}

/** Files that are there and say something else are found here, not at the first connection. */
function checked(access: EtcdAccess): EtcdAccess {
  try {
    channelCredentials(access);
    return access;
  } catch (error) {
    throw new Error(`--etcd-ca, --etcd-cert, --etcd-key: ${asError(error).message}`, { cause: error });
  }
}
