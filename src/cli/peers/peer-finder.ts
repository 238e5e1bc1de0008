import { SwitchyardError } from '../../client/index.js';
import { type GraphReader, readGraph } from '../connection.js';
import { findNode } from '../network/path.js';

/** What a {@link PeerFinder} needs. */
export interface PeerFinderDeps {
  readonly yard: GraphReader;
  readonly signal: AbortSignal;
  /** Called when the peer has become another node. */
  readonly moved: (cvid: number) => void;
}

/** Finds a peer by SID, UUID or name, and finds it again when it has restarted and is another node. */
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

  /** The peer's node when it was last looked for. */
  get current(): number {
    return this.cvid;
  }

  /**
   * Does something with the peer. If that fails because the node cannot be reached, and the peer is another node by now, it is
   * done once more with the new node.
   */
  async reach<Result>(work: (cvid: number) => Promise<Result>): Promise<Result> {
    const { cvid } = this;
    try {
      return await work(cvid);
    } catch (error) {
      // A refusal by the peer itself is an answer, and Ctrl-C ends the command: neither is tried again.
      if (!(error instanceof SwitchyardError) || this.deps.signal.aborted) throw error;
      const now = this.cvid === cvid ? await this.#lookAgain() : this.cvid;
      if (now === cvid) throw error;
      return work(now);
    }
  }

  /** Looks for the peer once for all connections that fail at the same time. */
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
