import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';

/** What servers prove themselves to each other with, PEM. */
export interface PeerFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** Of a server that others connect to. Without files it takes everybody: its port is on loopback. */
export function serverCredentials(files: PeerFiles | undefined): ServerCredentials {
  if (files === undefined) return ServerCredentials.createInsecure();
  const { cert, key, ca } = files;
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
}

/** Of a server that connects to another. */
export function clientCredentials(files: PeerFiles | undefined): ChannelCredentials {
  if (files === undefined) return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(files.ca, files.key, files.cert);
}
