import type { Connection } from '../../../gen/switchyard/v1/connection.js';
import type { Clock } from '../../base/clock.js';
import { RETURN_FROM } from '../../core/model/connection.js';
import { DirectCarrier } from '../carrier/direct-carrier.js';
import { SilentPathError } from '../carrier/lost-path.js';
import type { DirectPath } from '../direct/path.js';
import type { LocalAddresses } from '../local-addresses.js';

/** What a path's carrier stands on. */
export interface PathCarrierDeps {
  readonly clock: Clock;
  readonly addresses: LocalAddresses;
}

/** Whether the connection goes on through the server when the path of an order to punch has died, as the server says with it. */
export function mayReturn({ relayVersion }: Pick<Connection, 'relayVersion'>): boolean {
  return relayVersion >= RETURN_FROM;
}

/** The carrier of a path that came of an order. That of a connection that may return is dead once this machine loses the address that it begins at. */
export function carrierOfPath(
  path: DirectPath,
  order: Pick<Connection, 'relayVersion'>,
  { clock, addresses }: PathCarrierDeps,
): DirectCarrier {
  const { stream, local } = path;
  const carrier = new DirectCarrier(stream, { clock, flush: () => path.flush() });
  path.whenSilent?.((error) => carrier.die(error));
  // Any other one is better left to TCP, as an address may come back.
  if (!mayReturn(order)) return carrier;
  const forget = addresses.whenGone(local.host, () => {
    carrier.die(new SilentPathError(`the path is dead: this machine has no longer the address ${local.host}`));
  });
  stream.once('close', forget);
  return carrier;
}
