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

/** The carrier of a direct path, which is dead at once when this machine loses the address that it begins at. */
export function carrierOfPath(
  { stream, local, flush }: DirectPath,
  { clock, addresses }: PathCarrierDeps,
): DirectCarrier {
  const forget = addresses.whenGone(local.host, () => {
    stream.destroy(new SilentPathError(`the path is dead: this machine has no longer the address ${local.host}`));
  });
  stream.once('close', forget);
  return new DirectCarrier(stream, { clock, flush });
}
