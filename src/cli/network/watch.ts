import {
  Graph,
  type GraphChange,
  type SwitchyardError,
  WatchKind,
  type WatchNetworkDeltaResponse,
} from '../../client/index.js';
import { answering } from '../connection.js';
import { explain } from '../operate/explain.js';
import type { Output } from '../output/output.js';
import { dim, green, red, type Text } from '../output/text.js';
import { withReader } from '../reader.js';
import type { Surroundings } from '../surroundings.js';
import { counted, linkWord } from '../words.js';
import { nameOf } from './nodes.js';
import { type GraphFlags, watchVia } from './via.js';

/** What is to be watched, and how it is shown. */
export interface WatchFlags extends GraphFlags {
  readonly json?: boolean;
  /** Show what is there already, before what changes. */
  readonly snapshot?: boolean;
}

/** Shows the graph's changes as they come, until it is interrupted. Reconnects when the server restarts. */
export async function watchGraph(flags: WatchFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const view = flags.json ? new JsonView() : new LineView(flags.snapshot === true);
  if (flags.via !== undefined) {
    for await (const message of watchVia(flags.via, flags, surroundings)) await view.show(message, terminal.out);
    return;
  }
  await withReader(flags, surroundings, async (yard) => {
    await answering(yard, signal);
    let isSynced = false;
    const failed = new AbortController();
    const onBreak = (error: SwitchyardError, delayMs: number) => {
      // A server that is missing at the start is an error; one that goes away later is waited for.
      if (!isSynced) failed.abort(error);
      else void terminal.err.write(`the watch broke (${explain(error)[0]}); trying again in ${Math.ceil(delayMs)} ms`);
    };
    for await (const message of yard.watchNetworkDelta({ signal: AbortSignal.any([signal, failed.signal]), onBreak })) {
      if (message.kind === WatchKind.SNAPSHOT_END) isSynced = true;
      await view.show(message, terminal.out);
    }
  });
}

/** For programs: one line a revision, as the protos have it. */
class JsonView {
  async show({ kind, position, deltas }: WatchNetworkDeltaResponse, out: Output): Promise<void> {
    const kindWord = WatchKind[kind];
    if (kind !== WatchKind.DELTA) return out.json({ kind: kindWord, position, deltas });
    for (const [i, delta] of deltas.entries()) {
      const revision = position!.revision - BigInt(deltas.length - 1 - i);
      await out.json({ kind: kindWord, position: { ...position, revision }, ...delta });
    }
  }
}

/** For people: one line a change, with names. */
class LineView {
  #graph = new Graph();
  readonly #withSnapshot: boolean;

  constructor(withSnapshot: boolean) {
    this.#withSnapshot = withSnapshot;
  }

  show(message: WatchNetworkDeltaResponse, out: Output): Promise<void> {
    return out.writeLines(this.#linesOf(message));
  }

  *#linesOf({ kind, position, deltas }: WatchNetworkDeltaResponse): Iterable<Text> {
    switch (kind) {
      case WatchKind.RESET:
        this.#graph = new Graph();
        yield dim('the server has another past: beginning again');
        return;
      case WatchKind.SNAPSHOT_END: {
        const { nodes, links } = this.#graph.size;
        yield dim(`${counted(nodes, 'node')}, ${counted(links, 'link')} at revision ${position!.revision}`);
        return;
      }
      case WatchKind.SNAPSHOT:
        for (const delta of deltas)
          yield* this.#changes(position!.revision, this.#graph.apply(delta), this.#withSnapshot);
        return;
      case WatchKind.DELTA:
        for (const [i, delta] of deltas.entries()) {
          const revision = position!.revision - BigInt(deltas.length - 1 - i);
          yield* this.#changes(revision, this.#graph.apply(delta), true);
        }
    }
  }

  *#changes(revision: bigint, changes: readonly GraphChange[], areShown: boolean): Iterable<Text> {
    if (!areShown) return;
    // Removed nodes are no longer in the graph, but the lines of their links need their names.
    const gone = new Map(changes.flatMap((c) => (c.kind === 'nodeRemoved' ? [[c.node.cvid, c.node] as const] : [])));
    const nameOfSid = (cvid: number): Text => {
      const node = this.#graph.node(cvid) ?? gone.get(cvid);
      return node === undefined ? String(cvid) : [nameOf(node), ` (${cvid})`];
    };
    for (const change of changes) {
      const isGain = change.kind === 'nodeAdded' || change.kind === 'linkAdded';
      const sign = isGain ? green('+') : red('-');
      const what =
        'node' in change
          ? ['node ', nameOfSid(change.node.cvid)]
          : [
              'link ',
              nameOfSid(change.link.cvid1),
              ' ─ ',
              nameOfSid(change.link.cvid2),
              ' ',
              dim(linkWord(change.link.link)),
            ];
      yield [dim(String(revision).padStart(8)), ' ', sign, ' ', what];
    }
  }
}
