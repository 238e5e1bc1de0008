import type { Address } from '../base/address.js';
import type { Config } from '../config/options.js';

/** Where the rendezvous listens: at a port of its own, because it and gRPC both take TCP. */
export function meetingAddress({ rendezvousListen, listen }: Pick<Config, 'rendezvousListen' | 'listen'>): Address {
  if (rendezvousListen !== undefined) return rendezvousListen;
  return { host: listen.host, port: listen.port === 0 || listen.port === 65_535 ? 0 : listen.port + 1 };
}

/**
 * What clients are told of it, once its port is known. A client knows by which host it reaches the server, better than the server does;
 * only another one has to be told.
 */
export function announced(
  { rendezvousListen, listen }: Pick<Config, 'rendezvousListen' | 'listen'>,
  { port }: Address,
): Address {
  const host = rendezvousListen?.host ?? listen.host;
  const isSame = host === listen.host || host === '0.0.0.0' || host === '::';
  return { host: isSame ? '' : host, port };
}
