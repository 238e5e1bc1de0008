import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { type Address, formatAddress } from '../../base/address.js';
import { formatPin, holdsPin, OWN_SERVER_NAME, pinOf } from '../../trust/pin.js';
import { LIMITS } from '../limits.js';

/** Longer chains are not those of a server that was set up with care, and a loop must end. */
const CHAIN_MAX = 8;

/** A server shows no certificate of a pin: it is another server, or somebody stands in between, or its authority was changed. */
export class PinMismatchError extends Error {}

/**
 * Fetches the certificates that a server shows, and resolves with the one that has a pin, PEM. It is fit to be the only root of the
 * connection that follows: nothing is said on this one, and nothing that it shows is believed.
 *
 * Rejects with a {@link PinMismatchError} when no certificate has one, and as sockets do when the server cannot be reached.
 */
export function findPinnedRoot(address: Address, pins: readonly Uint8Array[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { host, port } = address;
    // The chain is only looked at: it is checked against the root, by whoever makes the call's own connection.
    const look = { rejectUnauthorized: false, ALPNProtocols: ['h2'], servername: OWN_SERVER_NAME };
    const socket = connect({ host, port, ...look }, () => {
      const root = chainOf(socket.getPeerCertificate(true)).find((one) => holdsPin(pins, pinOf(one)));
      socket.destroy();
      if (root !== undefined) resolve(Buffer.from(root.toString()));
      else reject(new PinMismatchError(mismatch(address, pins)));
    });
    socket.setTimeout(LIMITS.pingTimeoutMs, () => socket.destroy(new Error('no answer in time')));
    // Errors that come after the end must find a listener, or they end the process.
    socket.on('error', reject);
    socket.on('close', () =>
      reject(new Error(`${formatAddress(address)} closed the connection before TLS was established`)),
    );
  });
}

/** HOST:PORT of a target, for which a pin can be checked; undefined for targets of another kind. */
export function addressOfTarget(target: string): Address | undefined {
  const found = /^(?:dns:(?:\/\/[^/]*\/)?)?(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(target);
  const host = found?.[1] ?? found?.[2];
  if (host === undefined || (found?.[1] !== undefined && isIP(host) !== 6)) return undefined;
  return { host, port: Number(found?.[3]) };
}

function chainOf(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one: DetailedPeerCertificate | undefined = leaf; one?.raw !== undefined; one = one.issuerCertificate) {
    if (chain.length === CHAIN_MAX || chain.at(-1)?.raw.equals(one.raw)) break;
    chain.push(new X509Certificate(one.raw));
  }
  return chain;
}

function mismatch(address: Address, pins: readonly Uint8Array[]): string {
  const known = pins.map(formatPin).join(', ');
  const why =
    'it is another server, or somebody stands in between, or its authority was changed and its new pin is needed here';
  return `the server at ${formatAddress(address)} shows no certificate with the pin that is known (${known}): ${why}`;
}
