import { ChannelCredentials } from '@grpc/grpc-js';

/** What an etcd is reached with. Nothing of it: in plain text, as nobody in particular. */
export interface EtcdAccess {
  /** Encrypted where it is given, and the members prove who they are. */
  readonly tls?: EtcdTls;
  /** Who asks, where etcd's authentication is turned on. */
  readonly user?: EtcdUser;
}

/** Files of TLS, PEM. */
export interface EtcdTls {
  /** The authority of the members' certificates. Absent: those that Node knows. */
  readonly ca?: Buffer;
  /** What this process shows to an etcd with --client-cert-auth, with its key. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** A user of etcd. */
export interface EtcdUser {
  readonly name: string;
  readonly password: string;
}

/** The credentials of connections. Throws where a file is not what it should be. */
export function channelCredentials({ tls }: EtcdAccess): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { ca = null, key = null, cert = null } = tls;
  return ChannelCredentials.createSsl(ca, key, cert);
}
