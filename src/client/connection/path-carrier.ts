import type { Clock } from '../../base/clock.js';
import { DirectCarrier } from '../carrier/direct-carrier.js';
import { SilentPathError } from '../carrier/silent-path.js';
import type { DirectPath } from '../direct/path.js';
import type { LocalAddresses } from '../local-addresses.js';

/** What a path's carrier stands on. */
export interface PathCarrierDeps {
  readonly clock: Clock;
  readonly addresses: LocalAddresses;
}

/** The carrier of a direct path. One of a connection that may return is dead at once when this machine loses the address that it begins at. */
export function carrierOfPath(
  { stream, local, flush }: DirectPath,
  { clock, addresses }: PathCarrierDeps,
): DirectCarrier {
  const carrier = new DirectCarrier(stream, { clock, flush });
  const forget = addresses.whenGone(local.host, () => {
    // It is listened to only for a connection that may return. Any other one is better left to TCP, as an address may come back.
    if (carrier.onTaken === undefined) return;
    carrier.die(new SilentPathError(`the path is dead: this machine has no longer the address ${local.host}`));
  });
  stream.once('close', forget);
  return carrier;
}
