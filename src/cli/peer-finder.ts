import { type Switchyard, SwitchyardError } from '../client/index.js';
import { readGraph } from './connection.js';
import { findNode } from './path.js';

/** What it takes to find a peer. */
export interface PeerFinderDeps {
  readonly yard: Switchyard;
  readonly signal: AbortSignal;
  /** The peer is another node than before. */
  readonly moved: (cvid: number) => void;
}

/** A peer by the SID, UUID or name that somebody gave, found again when it has restarted and is another node. */
export class PeerFinder {
  #looking: Promise<number> | undefined;

  private constructor(
    private readonly who: string,
    private readonly deps: PeerFinderDeps,
    private cvid: number,
  ) {}

  /** Finds it for the first time. Rejects when it is not there. */
  static async find(who: string, deps: PeerFinderDeps): Promise<PeerFinder> {
    return new PeerFinder(who, deps, await look(who, deps));
  }

  /** Which node it is, or was when somebody last looked. */
  get current(): number {
    return this.cvid;
  }

  /**
   * Does something with the peer. When that fails because the node has no way to be reached, and the peer is another node by
   * now, it is done once more with that.
   */
  async reach<Result>(work: (cvid: number) => Promise<Result>): Promise<Result> {
    const { cvid } = this;
    try {
      return await work(cvid);
    } catch (error) {
      // Words of the peer itself are an answer, and so is Ctrl-C.
      if (!(error instanceof SwitchyardError) || this.deps.signal.aborted) throw error;
      const now = this.cvid === cvid ? await this.#lookAgain() : this.cvid;
      if (now === cvid) throw error;
      return work(now);
    }
  }

  /** Looks once for all whose connections fail at the same time. */
  #lookAgain(): Promise<number> {
    this.#looking ??= look(this.who, this.deps)
      .then((cvid) => {
        if (cvid !== this.cvid) this.deps.moved(cvid);
        this.cvid = cvid;
        return cvid;
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }
}

async function look(who: string, { yard, signal }: PeerFinderDeps): Promise<number> {
  const { graph } = await readGraph(yard, signal);
  return (await findNode(yard, graph, who, signal)).cvid;
}
