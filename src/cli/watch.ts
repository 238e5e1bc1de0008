import {
  Graph,
  type GraphChange,
  type SwitchyardError,
  WatchKind,
  type WatchNetworkDeltaResponse,
} from '../client/index.js';
import { withServer } from './connection.js';
import { jsonLine } from './json-line.js';
import { nameOf } from './nodes.js';
import type { Surroundings } from './surroundings.js';
import { printable } from './terminal.js';
import { type GraphFlags, watchVia } from './via.js';
import { counted, linkWord } from './words.js';

/** What is to be watched, and how it is shown. */
export interface WatchFlags extends GraphFlags {
  readonly json?: boolean;
  /** Show what is there already, before what changes. */
  readonly snapshot?: boolean;
}

/** Shows the graph's changes as they come, until it is interrupted. Goes on by itself over restarts of the server. */
export async function watchGraph(flags: WatchFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const view = flags.json ? new JsonView() : new LineView(surroundings, flags.snapshot === true);
  if (flags.via !== undefined) {
    for await (const message of watchVia(flags.via, flags, surroundings)) {
      for (const text of view.show(message)) await terminal.out.write(text);
    }
    return;
  }
  await withServer(flags, surroundings, async (yard) => {
    let isSynced = false;
    const failed = new AbortController();
    const onBreak = (error: SwitchyardError, delayMs: number) => {
      // Nobody there from the beginning is a mistake to be told; a server that goes away will come back.
      if (!isSynced) failed.abort(error);
      else void terminal.err.write(`the watch broke (${error.message}); trying again in ${Math.ceil(delayMs)} ms\n`);
    };
    for await (const message of yard.watchNetworkDelta({ signal: AbortSignal.any([signal, failed.signal]), onBreak })) {
      if (message.kind === WatchKind.SNAPSHOT_END) isSynced = true;
      for (const text of view.show(message)) await terminal.out.write(text);
    }
  });
}

/** For programs: one line a revision, as the protos have it. */
class JsonView {
  *show({ kind, position, deltas }: WatchNetworkDeltaResponse): Iterable<string> {
    const kindWord = WatchKind[kind];
    if (kind !== WatchKind.DELTA) {
      yield jsonLine({ kind: kindWord, position, deltas });
      return;
    }
    for (const [i, delta] of deltas.entries()) {
      const revision = position!.revision - BigInt(deltas.length - 1 - i);
      yield jsonLine({ kind: kindWord, position: { ...position, revision }, ...delta });
    }
  }
}

/** For people: one line a change, with names. */
class LineView {
  private graph = new Graph();

  constructor(
    private readonly surroundings: Surroundings,
    private readonly withSnapshot: boolean,
  ) {}

  *show({ kind, position, deltas }: WatchNetworkDeltaResponse): Iterable<string> {
    const { dim } = this.surroundings.terminal.colors;
    switch (kind) {
      case WatchKind.RESET:
        this.graph = new Graph();
        yield dim('the server has another past: beginning again\n');
        return;
      case WatchKind.SNAPSHOT_END: {
        const { nodes, links } = this.graph.size;
        yield dim(`${counted(nodes, 'node')}, ${counted(links, 'link')} at revision ${position!.revision}\n`);
        return;
      }
      case WatchKind.SNAPSHOT:
        for (const delta of deltas) yield* this.lines(position!.revision, this.graph.apply(delta), this.withSnapshot);
        return;
      case WatchKind.DELTA:
        for (const [i, delta] of deltas.entries()) {
          const revision = position!.revision - BigInt(deltas.length - 1 - i);
          yield* this.lines(revision, this.graph.apply(delta), true);
        }
    }
  }

  private *lines(revision: bigint, changes: readonly GraphChange[], areShown: boolean): Iterable<string> {
    if (!areShown) return;
    const { colors } = this.surroundings.terminal;
    // Nodes that went are no longer in the graph, and the lines of their links want their names.
    const gone = new Map(changes.flatMap((c) => (c.kind === 'nodeRemoved' ? [[c.node.cvid, c.node] as const] : [])));
    const nameOfSid = (cvid: number) => {
      const node = this.graph.node(cvid) ?? gone.get(cvid);
      return node === undefined ? String(cvid) : `${printable(nameOf(node))} (${cvid})`;
    };
    for (const change of changes) {
      const isGain = change.kind === 'nodeAdded' || change.kind === 'linkAdded';
      const sign = isGain ? colors.green('+') : colors.red('-');
      const what =
        'node' in change
          ? `node ${nameOfSid(change.node.cvid)}`
          : `link ${nameOfSid(change.link.cvid1)} ─ ${nameOfSid(change.link.cvid2)} ${colors.dim(linkWord(change.link.link))}`;
      yield `${colors.dim(String(revision).padStart(8))} ${sign} ${what}\n`;
    }
  }
}
