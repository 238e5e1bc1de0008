import { confirm } from '../confirm.js';
import { type ConnectionFlags, readGraph, withAdministrator } from '../connection.js';
import { nameOf } from '../network/nodes.js';
import { findNode } from '../network/path.js';
import { type Surroundings, UsageError } from '../surroundings.js';

/** Options of `terminate`. */
export interface TerminateFlags extends ConnectionFlags {
  readonly reason?: string;
  /** Asks nothing. */
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Ends the session of a node, as an administrator. Asks once, where somebody can answer. */
export async function terminateSession(who: string, flags: TerminateFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  await withAdministrator(flags, surroundings, async (yard) => {
    const { graph } = await readGraph(yard, signal);
    const node = await findNode(yard, graph, who, signal);
    if (node.parent === 0) throw new UsageError(`${node.cvid} is the server itself: stop its process instead`);
    if (!flags.yes)
      await confirm(`Terminate session ${node.cvid} of ${nameOf(node)}?`, 'nothing was terminated', surroundings);
    const { position } = await yard.terminateSession(node.cvid, flags.reason ?? '', { signal });
    const { cvid, instanceUuid, name } = node;
    if (flags.json) return terminal.out.json({ cvid, instanceUuid, name, revision: position.revision });
    await terminal.out.write([`session ${cvid} of `, nameOf(node), ' is terminated']);
  });
}
