import { formatAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { BranchHost } from '../cluster/door/branch-calls.js';
import type { BranchDialer } from '../cluster/door/branch-dialer.js';
import type { Member } from '../cluster/member.js';
import type { Config } from '../config/options.js';
import { DEFAULT_RELAY_LIMITS } from '../relay/limits.js';
import type { Relay } from '../relay/relay.js';
import { type Neighbours, NO_NEIGHBOURS } from '../replica/neighbours.js';
import type { Replica } from '../replica/replica.js';

/** Between two tries to learn how far another server is. */
const REACH_AGAIN_MS = 200;

/** Branches of streams between this server and others. */
export interface PeerBranches {
  /** Asks another server for a branch. */
  readonly dial: BranchDialer['dial'];
  /** Asks another server whether it has applied a revision. */
  readonly reach: BranchDialer['reach'];
  /** Bytes of streams that came from other servers, for metrics. */
  bytes(): number;
  /** Says who answers the others that ask here. */
  serve(host: BranchHost): void;
}

/** The other servers, as clients are told of them. A server alone names its own addresses: it is found again there when it has moved. */
export function neighboursOf({ advertise = [] }: Pick<Config, 'advertise'>, member: Member | undefined): Neighbours {
  if (member === undefined) return { ...NO_NEIGHBOURS, addresses: advertise.map(formatAddress) };
  return {
    get addresses() {
      return member.roster.addresses;
    },
    get others() {
      return member.roster.others;
    },
    get meanAttached() {
      return member.roster.meanAttached;
    },
  };
}

/** Lets streams lead from one server to another: the channel of each is where its source's session is. */
export function joinRelays(
  relay: Relay,
  { attachments, homes, state }: Pick<Replica, 'attachments' | 'homes' | 'state'>,
  {
    member,
    branches,
    clock,
  }: { readonly member: Member; readonly branches: Omit<PeerBranches, 'bytes'>; readonly clock: Clock },
): void {
  const reachedAt = (home: number | undefined) => {
    const name = home === undefined ? undefined : state.servers.get(home)?.name;
    return member.roster.servers.find((one) => one.name === name);
  };
  // A server that is lost, or cut off for so long, has ended the calls that such data would come through.
  const waitFor = async (home: number, revision: number) => {
    const { peerDownMs } = DEFAULT_RELAY_LIMITS;
    const untilMs = clock.nowMs() + peerDownMs;
    while (clock.nowMs() < untilMs && state.servers.isLive(home)) {
      const server = reachedAt(home);
      if (server !== undefined && (await branches.reach(server, revision, peerDownMs))) return;
      await new Promise<void>((resolve) => clock.after(REACH_AGAIN_MS, resolve));
    }
  };
  relay.places = {
    // One that has just attached here moves here.
    isElsewhere: ({ owner }) => !attachments.isAttached(owner) && !homes.isHere(owner),
    isAt: (sid, server) => {
      if (server === undefined) return attachments.isAttached(sid) || homes.isHere(sid);
      const home = homes.of(sid);
      return home !== undefined && state.servers.get(home)?.name === server;
    },
    dial: ({ owner }, ...branch) => {
      const server = reachedAt(homes.of(owner));
      return server && branches.dial(server, ...branch);
    },
    current: () => member.current(),
    reached: (sids, revision) => {
      const others = new Set<number>();
      for (const sid of sids) {
        const home = homes.of(sid);
        if (home !== undefined && home !== homes.own) others.add(home);
      }
      if (others.size === 0) return undefined;
      return Promise.all([...others].map((home) => waitFor(home, revision))).then(() => {});
    },
  };
  branches.serve({
    reached: (revision) => member.reached(revision),
    open: (...asked) => relay.openForPeer(...asked),
    waitMs: DEFAULT_RELAY_LIMITS.peerDownMs,
  });
}
