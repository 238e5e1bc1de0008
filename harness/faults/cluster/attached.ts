import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Instance,
  InstanceType,
  LinkType,
  type Network,
  type PeerStream,
  Switchyard,
} from '../../../src/client/index.js';
import type { Findings } from './judge.js';
import type { ClusterLedger } from './ledger.js';
import { LineStream } from './line-stream.js';

/** Each pair has a relayed connection. Enough that some are at every server. */
const PAIRS = 3;
const LINE_MS = 100;
/** How long anything may take that has to come once all is well: a client waits up to 15 s between two tries. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 100;

/** One instance that sends and one that receives, each with a watch of its own. */
interface Pair {
  readonly caller: Instance;
  readonly peer: Instance;
  readonly watches: readonly Network[];
  lines: LineStream;
  stream: PeerStream | undefined;
}

/** What was found, and how often what is no fault. */
export interface AttachedReport {
  readonly findings: readonly { readonly what: keyof Findings; readonly line: string }[];
  /** Times that an attachment broke, and was there again. */
  readonly moves: number;
  /** Relayed connections that ended with an error, which their ends were told. */
  readonly broken: number;
}

/**
 * Clients as programs have them: they attach, keep a watch, and send numbered lines over the relay. They know all servers and go
 * from one to the other by themselves.
 */
export class AttachedClients {
  readonly #yard: Switchyard;
  readonly #pairs: Pair[] = [];
  readonly #findings: { readonly what: keyof Findings; readonly line: string }[] = [];
  #moves = 0;
  #broken = 0;
  #lines = 0;
  #isOver = false;
  #sending: Promise<void>[] = [];

  constructor(addresses: readonly string[]) {
    this.#yard = new Switchyard({ server: addresses });
  }

  /** How many lines have arrived. */
  get lines(): number {
    return this.#pairs.reduce((sum, { lines }) => sum + lines.received, this.#lines);
  }

  /** Joins and connects all of them. */
  async begin(): Promise<void> {
    for (let nth = 0; nth < PAIRS; nth++) {
      const lines = new LineStream(`relayed connection ${nth}`);
      const caller = this.#join(`caller-${nth}`);
      const peer = this.#join(`peer-${nth}`, () => this.#pairs[nth]);
      const watches = [caller.watchNetwork(), peer.watchNetwork()];
      this.#pairs.push({ caller, peer, watches, lines, stream: undefined });
    }
    await Promise.all(this.#pairs.flatMap(({ caller, peer }) => [caller.attached(), peer.attached()]));
    this.#sending = this.#pairs.map((pair) => this.#send(pair));
  }

  /** Waits until all are where they belong, with the graph that the log comes to and every line; what is not is found. */
  async judge(ledger: ClusterLedger): Promise<AttachedReport> {
    await this.#untilAttached();
    await Promise.all(this.#pairs.map((pair, nth) => this.#untilArrived(pair, nth)));
    await this.#compareWatches(ledger);
    for (const { lines } of this.#pairs) this.#findings.push(...lines.findings.splice(0));
    const [moves, broken] = [this.#moves, this.#broken];
    this.#moves = 0;
    this.#broken = 0;
    return { findings: this.#findings.splice(0), moves, broken };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    for (const { stream, watches } of this.#pairs) {
      stream?.destroy();
      for (const watch of watches) watch.close();
    }
    // Whoever says goodbye to servers that are gone waits for them.
    for (const { caller, peer } of this.#pairs) for (const one of [caller, peer]) one.detach();
    await Promise.all(this.#sending);
    await this.#yard.close();
  }

  #join(name: string, ofPair?: () => Pair): Instance {
    const handlers = {
      accept: () => true,
      accepted: (stream: PeerStream) => {
        const pair = ofPair!();
        this.#lines += pair.lines.received;
        this.#findings.push(...pair.lines.findings.splice(0));
        const { lines } = pair;
        stream.on('data', (bytes: Buffer) => lines.take(bytes));
        // Its other end tells of it.
        stream.on('error', () => {});
      },
    };
    const about = { uuid: randomUUID(), type: InstanceType.AGENT, name, reopen: false };
    const instance = this.#yard.join(ofPair === undefined ? about : { ...about, handlers });
    instance.on('broken', () => this.#moves++);
    instance.on('ended', (error) => {
      if (error === undefined || this.#isOver) return;
      this.#findings.push({ what: 'expired', line: `the session of ${name} ended: ${error.reason ?? error.message}` });
    });
    return instance;
  }

  /** Keeps a relayed connection up, and lines going over it. */
  async #send(pair: Pair): Promise<void> {
    while (!this.#isOver) {
      if (pair.stream === undefined) await this.#connect(pair);
      else pair.lines.writeTo(pair.stream);
      await sleep(LINE_MS);
    }
  }

  /** The peer takes a connection in hand before its caller does, so what counts the lines is there before. */
  async #connect(pair: Pair): Promise<void> {
    const { caller, peer } = pair;
    const { session } = peer;
    if (session === undefined || caller.state === 'ended') return;
    pair.lines = new LineStream(`relayed connection of ${session.cvid}`);
    try {
      const stream = await caller.connect(session.cvid, { relayOnly: true });
      stream.resume();
      stream.once('close', () => {
        if (pair.stream === stream) pair.stream = undefined;
        if (!this.#isOver) this.#broken++;
      });
      stream.on('error', () => {});
      pair.stream = stream;
    } catch {
      // While a server is away, that is no wonder. One that comes to nothing for good is found by what does not arrive.
    }
  }

  async #untilAttached(): Promise<void> {
    const all = this.#pairs.flatMap(({ caller, peer }) => [caller, peer]);
    const isThere = await this.#until(() => all.every(({ state }) => state === 'attached' || state === 'ended'));
    if (!isThere) this.#findings.push({ what: 'lost', line: 'not all clients are attached again' });
  }

  async #untilArrived(pair: Pair, nth: number): Promise<void> {
    const before = pair.lines;
    const isWhole = () => pair.stream !== undefined && pair.lines.received > 0 && pair.lines.isWhole;
    if (pair.caller.state === 'ended' || pair.peer.state === 'ended' || (await this.#until(isWhole))) return;
    const how = pair.lines === before ? 'the lines of relayed connection' : 'no line of a new relayed connection';
    this.#findings.push({ what: 'lost', line: `${how} ${nth} did not arrive in ${PATIENCE_MS / 1_000} s` });
  }

  /** Every watch shows the sessions that the log comes to. */
  async #compareWatches(ledger: ClusterLedger): Promise<void> {
    for (const [nth, watch] of this.#pairs.flatMap(({ watches }) => watches).entries()) {
      const shows = () => showsAll(watch, ledger);
      if (!(await this.#until(shows)))
        this.#findings.push({ what: 'lost', line: `watch ${nth} does not show what is in the log` });
    }
  }

  async #until(isSo: () => boolean): Promise<boolean> {
    const startMs = performance.now();
    while (!isSo()) {
      if (performance.now() - startMs > PATIENCE_MS) return false;
      await sleep(LOOK_MS);
    }
    return true;
  }
}

/** Whether a watch shows just the sessions of the log, each with its link to the server that it is at. */
function showsAll({ graph }: Network, { state }: ClusterLedger): boolean {
  const wanted = new Set([...state.sessions.copy()].map(({ sid }) => sid));
  // A server has no parent.
  const found = [...graph.nodes()].filter(({ parent }) => parent !== 0);
  if (found.length !== wanted.size) return false;
  return found.every(({ cvid, parent }) => wanted.has(cvid) && graph.hasLink(cvid, parent, LinkType.CONTROL_TCP));
}
