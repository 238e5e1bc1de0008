import type { ServerNetwork } from '../../client/index.js';
import { confirm } from '../confirm.js';
import { type ConnectionFlags, withServersAdministrator } from '../connection.js';
import { type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { counted, momentWord } from '../words.js';

/** Options of the commands about networks. */
export interface NetworkFlags extends ConnectionFlags {
  readonly json?: boolean;
}

const COLUMNS: readonly Column<ServerNetwork>[] = [
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'NUMBER', value: ({ number }) => String(number), right: true },
  { heading: 'SESSIONS', value: ({ sessions, sessionsMax }) => `${sessions}/${sessionsMax}`, right: true },
  // One that is stored and could not be started has no epoch.
  { heading: 'STATE', value: ({ epoch }) => (epoch === '' ? 'does not run' : 'runs') },
  { heading: 'CREATED', value: ({ createdAt }) => momentWord(createdAt) },
];

/** Creates a network. */
export async function createNetwork(
  name: string,
  { sessionsMax, ...flags }: NetworkFlags & { readonly sessionsMax?: number },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  await withServersAdministrator(flags, surroundings, async (yard) => {
    const { network } = await yard.identities.createNetwork(name, { sessionsMax, signal });
    if (flags.json) return terminal.out.json(network);
    await terminal.out.write(
      `the network ${name} is there: --network ${name}, or SWITCHYARD_NETWORK, makes commands use it`,
    );
  });
}

/** Lists the networks of a server. */
export async function listNetworks(flags: ConnectionFlags & ListFlags, surroundings: Surroundings): Promise<void> {
  const { signal } = surroundings;
  await withServersAdministrator(flags, surroundings, async (yard) => {
    const { networks } = await yard.identities.listNetworks({ signal });
    await writeListing({ columns: COLUMNS, rows: networks, facts: (network) => network }, flags, surroundings);
  });
}

/** Drops a network. Asks first, unless it was told not to. */
export async function dropNetwork(
  name: string,
  { yes = false, ...flags }: NetworkFlags & { readonly yes?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  await withServersAdministrator(flags, surroundings, async (yard) => {
    const { networks } = await yard.identities.listNetworks({ signal });
    const dropped = networks.find((network) => network.name === name);
    if (dropped === undefined) throw new Failure(`there is no network ${JSON.stringify(name)}: see network list`);
    const question = `Drop the network ${name} with ${counted(dropped.sessions, 'session')}?`;
    if (!yes) await confirm(question, 'nothing was dropped', surroundings);
    const { exportedTo } = await yard.identities.dropNetwork(name, { signal });
    if (flags.json) return terminal.out.json({ name, exportedTo });
    const where = exportedTo === '' ? '' : `; the server has written what it held to ${exportedTo}`;
    await terminal.out.write(`the network ${name} is gone${where}`);
  });
}
