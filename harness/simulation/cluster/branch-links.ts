import type { Clock } from '../../../src/base/clock.js';
import { Fence } from '../../../src/base/fence.js';
import { BranchCarrier, type BranchWriter } from '../../../src/cluster/door/branch-calls.js';
import { type BranchServer, faultOf, tellOwner } from '../../../src/cluster/door/branch-dialer.js';
import type { BranchLink, BranchOwner, BranchRequest } from '../../../src/relay/remote-branch.js';
import type { PeerBranches } from '../../../src/server/neighbours.js';
import type { FindPlace, LinkPlace, Links, Pipe } from './links.js';

/** What {@link BranchLinks} stand on. */
export interface BranchLinksDeps {
  readonly clock: Clock;
  readonly links: Links;
  /** The server that dials. */
  readonly from: () => LinkPlace;
  readonly find: FindPlace;
}

/** Branches of streams from one simulated server to the others, over links that break: what gRPC is for real servers. */
export class BranchLinks implements Pick<PeerBranches, 'dial' | 'reach'> {
  readonly #deps: BranchLinksDeps;

  constructor(deps: BranchLinksDeps) {
    this.#deps = deps;
  }

  readonly dial = ({ peerAddress }: BranchServer, request: BranchRequest, owner: BranchOwner): BranchLink => {
    const { links, from, find } = this.#deps;
    const here = from();
    const there = find(peerAddress);
    let carrier: BranchCarrier | undefined;
    const reader = new BranchReader(owner);
    const pipe = links.connect(here, there, { here: () => reader.broken(), there: () => carrier?.over() });
    const { sid, branchId, blocks } = request;
    const open = { network: '', server: here.name, sid, branchId, revision: BigInt(here.revision) };
    pipe.up(() => {
      const host = there?.branchHost;
      if (host === undefined) return pipe.lose();
      carrier = new BranchCarrier(writerOf(pipe, reader), host, NO_FENCE);
      carrier.open({ ...open, blocks: blocks === undefined ? undefined : BigInt(blocks) });
    });
    return {
      confirm: (count) => pipe.up(() => carrier?.confirm(BigInt(count))),
      pause: () => reader.pause(),
      resume: () => reader.resume(),
      close: () => {
        reader.close();
        pipe.lose();
      },
    };
  };

  readonly reach = ({ peerAddress }: BranchServer, revision: number, timeoutMs: number): Promise<boolean> => {
    const { links, from, find, clock } = this.#deps;
    const there = find(peerAddress);
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMs, () => answer(false));
      const answer = (hasReached: boolean) => {
        timer.cancel();
        resolve(hasReached);
        pipe.lose();
      };
      const pipe = links.connect(from(), there, { here: () => answer(false), there: () => {} });
      pipe.up(() => {
        const host = there?.branchHost;
        if (host === undefined) pipe.down(() => answer(false));
        else void host.reached(revision).then((behind) => pipe.down(() => answer(behind === undefined)));
      });
    });
  };
}

/** What a server reads of a branch that it has dialled: nothing while it pauses. */
class BranchReader {
  readonly #owner: BranchOwner;
  /** What has come and is not read. The other side sends one message at a time. */
  readonly #unread: (() => void)[] = [];
  #isPaused = false;
  #isOver = false;

  constructor(owner: BranchOwner) {
    this.#owner = owner;
  }

  take(read: (owner: BranchOwner) => void): void {
    this.#unread.push(() => {
      if (!this.#isOver) read(this.#owner);
    });
    this.#read();
  }

  ended(): void {
    this.take((owner) => {
      this.#isOver = true;
      owner.ended();
    });
  }

  broken(fault?: ReturnType<typeof faultOf>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.broken(fault);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#read();
  }

  /** The owner hears nothing more. */
  close(): void {
    this.#isOver = true;
  }

  #read(): void {
    while (!this.#isPaused && this.#unread.length > 0) this.#unread.shift()?.();
  }
}

function writerOf({ up, down, lose }: Pipe, reader: BranchReader): BranchWriter {
  return {
    write: (message, written) => {
      down(() =>
        reader.take((owner) => {
          tellOwner(owner, message);
          if (written !== undefined) up(written);
        }),
      );
    },
    emit: (_event, { code, details }) => {
      down(() => {
        reader.broken(faultOf({ code, details }));
        lose();
      });
    },
    end: () => {
      down(() => {
        reader.ended();
        lose();
      });
    },
  };
}

/** A fault of a handler is the simulation's to find: it goes on to whoever looks at the process. */
const NO_FENCE = new (class extends Fence {
  override around<A extends readonly unknown[]>(_door: string, part: (...args: A) => void): (...args: A) => void {
    return part;
  }
})({ log: { error: () => {} }, random: { bytes: (count) => new Uint8Array(count) } });
