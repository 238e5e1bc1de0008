import type { Logger } from 'pino';
import type { Config } from '../config/options.js';
import { shareLimits } from '../config/part-limits.js';
import { Fault } from '../core/model/fault.js';
import { DEFAULT_NETWORK } from '../core/model/network.js';
import type { NetworkAdmin, NetworkFacts } from '../grpc/backing.js';
import { noSuchNetwork } from '../grpc/network-router.js';
import { type Journal, JournalError, type NetworkJournals, type StoredNetwork } from '../journal/journal.js';
import type { Engine } from './engine.js';
import { measuredEngine } from './measured-engine.js';
import type { MeasuredNetwork } from './metrics/measured-network.js';
import { StoppedNetworks } from './stopped-networks.js';

/** Networks besides the default one: each has an engine of up to 4 MiB, and one more journal that a start reads. */
export const NETWORKS_MAX = 1_023;
/** Networks that are started at once: enough that one waits for the disk while another is made. */
const STARTED_AT_ONCE = 16;
/** History of one network besides the default one, as a part of what a server's own may be. */
const HISTORY_PARTS = 16;
/** The disk may have space again any time. */
const FULL_RETRY_MS = 5_000;
/** Errors that are about the storage of all networks: the server does not start. */
const OF_ALL: ReadonlySet<string> = new Set<JournalError['kind']>(['locked', 'deposed']);

/** How the networks are let in. */
export interface NetworkDoors {
  addNetwork(engine: Engine): void;
  removeNetwork(engine: Engine, why: Fault): void;
}

/** What {@link Networks} stands on. */
export interface NetworksDeps {
  readonly config: Config;
  /** Where the journals of the networks are; undefined where the storage has one network. */
  readonly journals: NetworkJournals | undefined;
  /** Starts the engine of a network. */
  start(network: StoredNetwork, journal: Journal, config: Config): Promise<Engine>;
  /** What is kept beside the journal of a network goes with it. */
  dropped(network: number): Promise<void>;
  readonly clock: { wallMs(): number };
  readonly log: Logger;
}

/** A network that runs. */
interface Running {
  readonly stored: StoredNetwork;
  readonly journal: Journal;
  readonly engine: Engine;
}

/**
 * The networks of a server besides the default one: their engines, from when they are created or the server starts until they are dropped
 * or it goes down. Networks are created and dropped one after the other.
 */
export class Networks implements NetworkAdmin {
  readonly #deps: NetworksDeps;
  readonly #running = new Map<string, Running>();
  /** Kept until a network comes or goes: a scrape asks for it dozens of times. */
  #measured: readonly MeasuredNetwork[] | undefined;
  readonly #stopped: StoppedNetworks;
  #main: Engine | undefined;
  #doors: NetworkDoors | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** Why nothing is created or dropped any more. */
  #drained: Fault | undefined;

  constructor(deps: NetworksDeps) {
    this.#deps = deps;
    this.#stopped = new StoppedNetworks(deps.log);
  }

  /** Where the journals of the networks are, which are there where a network is created or was stored. */
  get #journals(): NetworkJournals {
    const { journals } = this.#deps;
    if (journals === undefined) throw new Error('the storage has one network');
    return journals;
  }

  /** What is measured of those that run, that of the default network excepted, by age. */
  measured(): readonly MeasuredNetwork[] {
    this.#measured ??= [...this.#running.values()]
      .sort((one, other) => one.stored.number - other.stored.number)
      .map(({ engine, journal }) => measuredEngine(engine, journal));
    return this.#measured;
  }

  /** How many are stored and do not run. */
  get stoppedCount(): number {
    return this.#stopped.founded().length;
  }

  /**
   * Starts those that are stored. `main` is the engine of the default network. One that cannot be started is logged, and its callers are
   * answered that it does not run: the others do.
   */
  async start(main: Engine): Promise<void> {
    this.#main = main;
    const stored = await this.#withoutTwins(this.#deps.journals?.list() ?? []);
    const startNext = async () => {
      for (let next = stored.shift(); next !== undefined; next = stored.shift()) await this.#startOrStop(next);
    };
    await Promise.all(Array.from({ length: STARTED_AT_ONCE }, startNext));
  }

  /** From now on callers are let into them. */
  open(doors: NetworkDoors): void {
    this.#doors = doors;
    for (const { engine } of this.#running.values()) doors.addNetwork(engine);
  }

  /** Sessions can be renewed from now on. */
  opened(): void {
    for (const { engine } of this.#running.values()) engine.replica.opened();
  }

  create(name: string, sessionsMax: number): Promise<NetworkFacts | Fault> {
    return this.#inTurn(async () => {
      const { journals, clock } = this.#deps;
      if (journals === undefined) {
        const what =
          "this server's journal holds one network: for another one start servers with another --network on the same etcd";
        return new Fault('UNIMPLEMENTED', what);
      }
      await this.#discardUnfounded(name);
      const most = this.#deps.config.limits.sessionsMax;
      const wrong = this.#nameFault(name) ?? (sessionsMax > most ? sessionsFault(sessionsMax, most) : undefined);
      if (wrong !== undefined) return wrong;
      if (journals.list().length >= NETWORKS_MAX) {
        return new Fault('NETWORK_LIMIT', `${NETWORKS_MAX} networks besides the default one are the limit`);
      }
      const stored = await journals.create({ name, sessionsMax, createdAtMs: clock.wallMs() });
      const running = await this.#found(stored);
      this.#letIn(running);
      this.#deps.log.info({ network: name, number: stored.number }, 'a network was created');
      return factsOf(running.engine, stored);
    });
  }

  list(): readonly NetworkFacts[] {
    const others = [...this.#running.values()].map(({ engine, stored }) => factsOf(engine, stored));
    const stopped = this.#stopped.founded().map((stored) => ({ ...stored, sessions: 0, epoch: '' }));
    const main = this.#main === undefined ? [] : [factsOf(this.#main)];
    return [...main, ...others, ...stopped].sort((x, y) => (x.name < y.name ? -1 : 1));
  }

  drop(name: string): Promise<{ readonly exportedTo: string | undefined } | Fault> {
    return this.#inTurn(async () => {
      if (name === DEFAULT_NETWORK) return wrongName('the default network cannot be dropped');
      const running = this.#running.get(name);
      const stored = running?.stored ?? this.#stopped.find(name)?.stored;
      if (stored === undefined) return noSuchNetwork(name);
      try {
        if (running !== undefined)
          await this.#end(running, new Fault('NETWORK_NOT_FOUND', `the network ${name} was dropped`));
        const dropped = await this.#journals.drop(stored.number);
        this.#stopped.delete(stored.number);
        await this.#deps.dropped(stored.number);
        this.#deps.log.info({ network: name, ...dropped }, 'a network was dropped');
        return dropped;
      } catch (error) {
        // It is still there: its callers come back.
        if (running !== undefined) await this.#startOrStop(stored);
        throw error;
      }
    });
  }

  stopped(network: string | number): Fault | undefined {
    const found = this.#stopped.find(network);
    return found?.isUnfounded === false ? found.why : undefined;
  }

  /** Ends every watch, attachment and relay in all of them, and refuses with `why` what waits to be created or dropped. */
  drain(why: Fault): void {
    this.#drained = why;
    for (const { engine } of this.#running.values()) engine.drain();
  }

  /** Takes no more commands and waits for nothing: the right to append is lost. */
  abandon(): void {
    for (const { engine } of this.#running.values()) engine.replica.abandon();
  }

  /** Resolves when everything that was taken is durable, and nothing is being created or dropped. */
  async close(): Promise<void> {
    await this.#last;
    await Promise.all(
      [...this.#running.values()].map(async ({ engine, journal }) => {
        await engine.close();
        await journal.close();
      }),
    );
  }

  async #start(stored: StoredNetwork): Promise<Running> {
    const journal = await this.#journals.open(stored.number);
    try {
      const engine = await this.#deps.start(stored, journal, configOf(this.#deps.config, stored));
      const running = { stored, journal, engine };
      this.#running.set(stored.name, running);
      this.#measured = undefined;
      return running;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** Starts a network that was stored before. One that cannot be started does not keep the others from it. */
  async #startOrStop(stored: StoredNetwork): Promise<void> {
    try {
      const running = await this.#start(stored);
      if (this.#doors !== undefined) this.#letIn(running);
    } catch (error) {
      if (error instanceof JournalError && OF_ALL.has(error.kind)) throw error;
      this.#stopped.add(stored, error);
    }
  }

  /** Starts a network that was just stored. When that fails nothing is left of it, or its name stays taken. */
  async #found(stored: StoredNetwork): Promise<Running> {
    try {
      return await this.#start(stored);
    } catch (error) {
      await this.#journals.discard(stored.number).catch((err) => {
        this.#deps.log.error({ err, network: stored.name }, 'a network that could not be founded is still stored');
        this.#stopped.add(stored, error, true);
      });
      throw error;
    }
  }

  /** Takes back what an earlier creation of a network has left, now that there may be space for it. */
  async #discardUnfounded(name: string): Promise<void> {
    const left = this.#stopped.find(name);
    if (left?.isUnfounded !== true) return;
    await this.#journals.discard(left.stored.number);
    this.#stopped.delete(left.stored.number);
  }

  #letIn({ engine }: Running): void {
    engine.replica.opened();
    this.#doors?.addNetwork(engine);
  }

  /** Ends a network that runs. What fails of it does not keep the rest of it open. */
  async #end({ stored, engine, journal }: Running, why: Fault): Promise<void> {
    this.#running.delete(stored.name);
    this.#measured = undefined;
    try {
      this.#doors?.removeNetwork(engine, why);
    } finally {
      await engine.close().finally(() => journal.close());
    }
  }

  /**
   * Leaves one network of each name: the first that was founded. A data folder can have two where a creation had failed before that took
   * back what it had stored.
   */
  async #withoutTwins(stored: readonly StoredNetwork[]): Promise<StoredNetwork[]> {
    const kept = new Map<string, StoredNetwork>();
    for (const next of stored) {
      const first = kept.get(next.name);
      if (first === undefined) kept.set(next.name, next);
      else {
        const isFirst = (await this.#isFounded(first)) || !(await this.#isFounded(next));
        kept.set(next.name, isFirst ? first : next);
        this.#stopped.addTwin(isFirst ? next : first, isFirst ? first : next);
      }
    }
    return [...kept.values()];
  }

  async #isFounded({ number }: StoredNetwork): Promise<boolean> {
    const journal = await this.#journals.open(number);
    const isFounded = journal.last > 0;
    await journal.close();
    return isFounded;
  }

  #nameFault(name: string): Fault | undefined {
    const isTaken = name === DEFAULT_NETWORK || this.#deps.journals?.list().some((stored) => stored.name === name);
    return isTaken ? wrongName(`there is a network ${JSON.stringify(name)} already`) : undefined;
  }

  #inTurn<T>(work: () => Promise<T | Fault>): Promise<T | Fault> {
    const done = this.#last.then(async () => {
      if (this.#drained !== undefined) return this.#drained;
      try {
        return await work();
      } catch (error) {
        if (error instanceof JournalError && error.kind === 'full') {
          return new Fault('JOURNAL_UNAVAILABLE', error.message, [], FULL_RETRY_MS);
        }
        throw error;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }
}

/** The options for a network besides the default one: its share of what is the server's. */
function configOf(config: Config, { sessionsMax }: StoredNetwork): Config {
  const { limits, historyBytesMax } = config;
  const most = sessionsMax === 0 ? limits.sessionsMax : Math.min(sessionsMax, limits.sessionsMax);
  return {
    ...config,
    // What one address may have is a part of the server, not of the network's share of it.
    ...shareLimits(config),
    limits: { ...limits, sessionsMax: most },
    historyBytesMax: Math.ceil(historyBytesMax / HISTORY_PARTS),
  };
}

function factsOf({ network, replica: { state } }: Engine, stored?: StoredNetwork): NetworkFacts {
  return {
    ...network,
    createdAtMs: stored?.createdAtMs,
    sessions: state.sessions.count,
    sessionsMax: state.limits.sessionsMax,
    epoch: state.epoch,
  };
}

function wrongName(description: string): Fault {
  return Fault.fields([{ field: 'name', description }]);
}

function sessionsFault(sessionsMax: number, most: number): Fault {
  return Fault.fields([{ field: 'sessions_max', description: `${sessionsMax}; the server has ${most} at most` }]);
}
