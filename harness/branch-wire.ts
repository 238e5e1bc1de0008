import type { Fence } from '../src/base/fence.js';
import { BranchCarrier, type BranchHost, type BranchWriter } from '../src/cluster/door/branch-calls.js';
import { faultOf, tellOwner } from '../src/cluster/door/branch-dialer.js';
import type { BranchLink, BranchOwner, BranchRequest } from '../src/relay/remote-branch.js';

/** The two ways of a link between servers: each carries calls in order, or loses them. */
export interface Ways {
  readonly there: (call: () => void) => void;
  readonly back: (call: () => void) => void;
}

/** A call for a branch without gRPC. */
export interface WiredBranch {
  readonly link: BranchLink;
  /** The link is gone: each end hears of it when `ways` carry it. */
  cut(): void;
}

/** Asks a host for a branch over ways of one's own. One message is on its way at a time, as with HTTP/2 whose window is small. */
export function wireBranch(
  host: BranchHost,
  {
    request,
    revision,
    owner,
    server = '',
  }: {
    readonly request: BranchRequest;
    readonly revision: number;
    readonly owner: BranchOwner;
    readonly server?: string;
  },
  { there, back }: Ways,
): WiredBranch {
  let isOpen = true;
  let isPaused = false;
  let held: (() => void)[] = [];
  const over = (tell: () => void) => {
    if (isOpen) tell();
    isOpen = false;
  };
  const writer: BranchWriter = {
    write: (message, written = () => {}) =>
      back(() => {
        if (!isOpen) return;
        tellOwner(owner, message);
        if (isPaused) held.push(() => there(written));
        else there(written);
      }),
    emit: (_event, error) => back(() => over(() => owner.broken(faultOf(error)))),
    end: () => back(() => over(() => owner.ended())),
  };
  const carrier = new BranchCarrier(writer, host, LOUD_FENCE);
  const { sid, branchId } = request;
  const blocks = request.blocks === undefined ? undefined : BigInt(request.blocks);
  there(() => isOpen && carrier.open({ network: '', server, sid, branchId, blocks, revision: BigInt(revision) }));
  return {
    link: {
      confirm: (count) => there(() => isOpen && carrier.confirm(BigInt(count))),
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
        for (const take of held.splice(0)) take();
      },
      close: () => {
        isOpen = false;
        there(() => carrier.over());
      },
    },
    cut: () => {
      held = [];
      there(() => carrier.over());
      back(() => over(() => owner.broken()));
    },
  };
}

/** What throws is not to be passed over here. */
const LOUD_FENCE = { around: (_door: string, part: unknown) => part } as unknown as Fence;
