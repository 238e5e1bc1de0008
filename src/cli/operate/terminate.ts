import { createInterface } from 'node:readline/promises';
import { type ConnectionFlags, readGraph, withAdministrator } from '../connection.js';
import { nameOf } from '../network/nodes.js';
import { findNode } from '../network/path.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';

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
    if (!flags.yes) await confirm(`Terminate session ${node.cvid} of ${nameOf(node)}?`, surroundings);
    const { position } = await yard.terminateSession(node.cvid, flags.reason ?? '', { signal });
    const { cvid, instanceUuid, name } = node;
    if (flags.json) return terminal.out.json({ cvid, instanceUuid, name, revision: position.revision });
    await terminal.out.write([`session ${cvid} of `, nameOf(node), ' is terminated']);
  });
}

/** Resolves when a person says yes. Without a person to ask it is refused: a script says --yes. */
async function confirm(question: string, { terminal, input, signal }: Surroundings): Promise<void> {
  if (!terminal.err.interactive) throw new UsageError('nobody is there to be asked: give --yes');
  await terminal.err.write(`${question} [y/N]`);
  const answer = await firstLine(input, signal);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('nothing was terminated');
}

/** The first line of an input; empty when it ends before. Rejects when the command is interrupted. */
async function firstLine(input: Surroundings['input'], signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    for await (const line of lines) return line;
    signal.throwIfAborted();
    return '';
  } finally {
    signal.removeEventListener('abort', close);
    lines.close();
    input.destroy();
  }
}
