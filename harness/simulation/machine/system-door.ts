import { AddressSet } from '../../../src/admission/address-set.js';
import { ConnectionGate } from '../../../src/admission/connection-gate.js';
import { ADMISSION_LIMITS } from '../../../src/admission/limits.js';
import type { SystemBacking } from '../../../src/system/conversation/backing.js';
import { SystemDoor } from '../../../src/system/door.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../../src/system/limits.js';
import { Transports } from '../../../src/transport/transports.js';

/** What the door stands on, but for what is the same in every simulated server. */
export type SystemDoorDeps = Omit<SystemBacking, 'gate' | 'limits' | 'rendezvous' | 'transports'>;

/** Makes the door of system events as `src/server/doors.ts` does; its only transport is Exchange. */
export function makeSystemDoor(deps: SystemDoorDeps): SystemDoor {
  const { connectionsMax, connectionsPerAddressMax } = DEFAULT_SYSTEM_LIMITS;
  const limits = { ...ADMISSION_LIMITS, connectionsMax, connectionsPerAddressMax, connectionsKept: 0 };
  const gate = new ConnectionGate({ clock: deps.clock, limits, exempt: AddressSet.NONE, refused: () => {} });
  return new SystemDoor({ ...deps, gate, limits: DEFAULT_SYSTEM_LIMITS, rendezvous: [], transports: new Transports() });
}
