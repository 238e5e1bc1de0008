import type { OpenSession } from '../../../src/core/model/command.js';
import { Fault } from '../../../src/core/model/fault.js';
import type { InstanceFlavor, InstanceType } from '../../../src/core/model/session.js';
import type { ClusterServer } from './server.js';

/** The command that opens a session at a server, as its doors make it; a fault while the session can be at home nowhere. */
export function openingAt({ replica }: ClusterServer, uuid: string, ttlMs: number): OpenSession | Fault {
  const home = replica.homes.opening();
  if (home instanceof Fault) return home;
  return {
    ...home,
    ...{ kind: 'OpenSession', uuid, type: 2 as InstanceType, flavor: 0 as InstanceFlavor, ttlMs },
    ...{ name: '', labels: {}, tokenHash: uuid.slice(-32).padEnd(32, '0'), atMs: 0 },
  };
}
