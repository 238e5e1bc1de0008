import type {
  CreateNetworkRequest,
  CreateNetworkResponse,
  DropNetworkRequest,
  DropNetworkResponse,
  ListNetworksResponse,
  Network,
} from '../../../gen/switchyard/v1/identity.js';
import { Fault, type FieldViolation } from '../../core/model/fault.js';
import { NETWORK_NAME, NETWORK_NAME_RULE } from '../../core/model/network.js';
import type { Backing, NetworkFacts } from '../backing.js';

/** Creates a network. */
export async function createNetwork(
  { networks }: Backing,
  { name, sessionsMax }: CreateNetworkRequest,
): Promise<CreateNetworkResponse | Fault> {
  if (networks === undefined) return elsewhere();
  const violations: FieldViolation[] = [];
  if (!NETWORK_NAME.test(name)) violations.push({ field: 'name', description: NETWORK_NAME_RULE });
  if (sessionsMax < 0) violations.push({ field: 'sessions_max', description: `${sessionsMax}; it is not negative` });
  const wrong = Fault.fields(violations);
  if (wrong !== undefined) return wrong;
  const created = await networks.create(name, sessionsMax);
  return created instanceof Fault ? created : { network: networkMessage(created) };
}

/** Lists the networks of the server. */
export function listNetworks({ networks }: Backing): ListNetworksResponse | Fault {
  return networks === undefined ? elsewhere() : { networks: networks.list().map(networkMessage) };
}

/** Drops a network. */
export async function dropNetwork(
  { networks }: Backing,
  { name }: DropNetworkRequest,
): Promise<DropNetworkResponse | Fault> {
  if (networks === undefined) return elsewhere();
  if (!NETWORK_NAME.test(name)) return Fault.fields([{ field: 'name', description: NETWORK_NAME_RULE }]);
  const dropped = await networks.drop(name);
  return dropped instanceof Fault ? dropped : { exportedTo: dropped.exportedTo ?? '' };
}

/** The refusal of what is about the whole server, where it is asked for in one of its other networks. */
export function elsewhere(): Fault {
  return new Fault('PERMISSION_DENIED', 'this is about the whole server: it is answered in the network default only');
}

function networkMessage({ name, number, createdAtMs, sessions, sessionsMax, epoch }: NetworkFacts): Network {
  const createdAt = createdAtMs === undefined ? undefined : new Date(createdAtMs);
  return { name, number, createdAt, sessions, sessionsMax, epoch };
}
