import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, TLSSocket } from 'node:tls';
import type { PathIdentity } from './identity.js';
import { PathError } from './outcome.js';

/** Names what is spoken inside, so that a TLS server of another kind is not mistaken for a peer: frames, with ends. */
const SPOKEN = 'switchyard-direct/3';
/**
 * What older clients speak. On their paths nobody can tell the end of the data from a path that was cut, so none is made;
 * they are offered all the same, so that both ends learn why there is no path.
 */
const OUTDATED = ['switchyard-direct/2', 'switchyard-direct/1'] as const;

/** What it takes to prove a path. */
export interface Proof {
  readonly identity: PathIdentity;
  /** The peer's public key as it came with the order: DER SubjectPublicKeyInfo. */
  readonly peerPublicKey: Uint8Array;
  /** The controlling end is the TLS client, the other one the server. Both show their certificate. */
  readonly controlling: boolean;
  /** What is spoken inside, where it is not a direct path: any of these, as the TLS server prefers. */
  readonly spoken?: readonly string[];
}

/**
 * Encrypts a path with TLS 1.3 and proves that the peer is at its other end.
 *
 * Names, dates and issuers are not looked at: the one thing that counts is that the certificate holds the very key
 * that came with the order, and TLS proves that the peer holds the other half of it. Throws, and destroys the path,
 * when anything is otherwise or `signal` fires.
 */
export async function secure(raw: Duplex, proof: Proof, signal: AbortSignal): Promise<TLSSocket> {
  const { secureContext } = proof.identity;
  const { spoken } = proof;
  const ALPNProtocols = [...(spoken ?? [SPOKEN, ...OUTDATED])];
  const common = { secureContext, ALPNProtocols, rejectUnauthorized: false } as const;
  const socket = proof.controlling
    ? connect({ ...common, socket: raw, minVersion: 'TLSv1.3' })
    : new TLSSocket(raw instanceof Socket ? raw : (raw as Socket), { ...common, isServer: true, requestCert: true });
  // The race below ends at the first error; what comes after it has been heard already.
  socket.on('error', () => socket.destroy());
  // TLS closes with a stream under it, and as the server without saying what that died of. Of a socket it has the handle itself.
  if (!(raw instanceof Socket)) raw.once('error', (error) => socket.destroy(error));
  try {
    const closed = once(socket, 'close', { signal }).then(() =>
      Promise.reject(new PathError('closed in the handshake')),
    );
    await Promise.race([once(socket, proof.controlling ? 'secureConnect' : 'secure', { signal }), closed]);
    const shown = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
    if (!shown?.equals(proof.peerPublicKey)) throw new PathError('the peer has another key than the one ordered');
    const outdated = OUTDATED.find((one) => one === socket.alpnProtocol);
    if (outdated !== undefined)
      throw new PathError(`the peer is an older client: it speaks only ${outdated}, which cannot say where data ends`);
    if (!ALPNProtocols.some((one) => one === socket.alpnProtocol))
      throw new PathError('the peer speaks something else');
    return socket;
  } catch (error) {
    socket.destroy();
    raw.destroy();
    throw error;
  }
}
