import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { RelayRequest, RelayResponse } from '../../../gen/switchyard/cluster/v1/peer.js';
import type { Fence } from '../../base/fence.js';
import { Fault } from '../../core/model/fault.js';
import { SinkEnd } from '../../relay/end.js';
import type { PeerOutcome } from '../../relay/relay.js';
import type { BranchRequest } from '../../relay/remote-branch.js';

/** What a server of channels is for the servers of sinks. */
export interface BranchHost {
  /** Waits until a revision is applied here. A refusal when that takes too long. */
  reached(revision: number): Promise<Fault | undefined>;
  /** Opens a sink's end for the server of this name, unless its call is over by then. */
  open(request: BranchRequest, server: string, signal: AbortSignal): PeerOutcome | Promise<PeerOutcome>;
  /** How long the branch of a server whose call broke is waited for. */
  readonly waitMs: number;
}

/** A call for one branch. */
export type BranchCall = ServerDuplexStream<RelayRequest, RelayResponse>;

/** The way back of such a call. */
export interface BranchWriter {
  write(message: RelayResponse, written?: () => void): unknown;
  emit(event: 'error', error: { readonly code: status; readonly details: string }): unknown;
  end(): unknown;
}

type WantedBranch = NonNullable<RelayRequest['open']>;

const NOTHING = Buffer.alloc(0);

/** Carries one branch to another server: reads what its sink confirms, and writes as fast as that server reads. */
export class BranchCarrier {
  readonly #call: BranchWriter;
  readonly #host: BranchHost;
  readonly #fence: Fence;
  #end: SinkEnd | undefined;
  #isWriting = false;
  readonly #over = new AbortController();

  constructor(call: BranchWriter, host: BranchHost, fence: Fence) {
    this.#call = call;
    this.#host = host;
    this.#fence = fence;
  }

  /** Opens the branch that the call asks for first. */
  open(wanted: WantedBranch): void {
    const failed = () => this.#fail(status.INTERNAL, 'the branch could not be opened');
    const give = this.#fence.around('peers', (opened: PeerOutcome) => this.#give(wanted, opened), failed);
    const rejected = (error: unknown) => {
      throw error;
    };
    void this.#ask(wanted).then(give, this.#fence.around('peers', rejected, failed));
  }

  async #ask({ server, sid, branchId, blocks, revision }: WantedBranch): Promise<PeerOutcome> {
    const behind = await this.#host.reached(Number(revision));
    const { signal } = this.#over;
    if (behind !== undefined || signal.aborted) return behind ?? 'elsewhere';
    const request = { sid, branchId, blocks: blocks === undefined ? undefined : Number(blocks) };
    return this.#host.open(request, server, signal);
  }

  #give({ branchId }: WantedBranch, opened: PeerOutcome): undefined {
    if (this.#over.signal.aborted) {
      // As in over(): the server of the sink comes back for it.
      if (!(opened instanceof Fault) && opened !== 'elsewhere') opened.end.close(this.#host.waitMs);
      return;
    }
    if (opened === 'elsewhere') return this.#fail(status.FAILED_PRECONDITION, ELSEWHERE);
    if (opened instanceof Fault) return this.#refuse(opened);
    const { end } = opened;
    if (!(end instanceof SinkEnd)) return this.#fail(status.NOT_FOUND, `${branchId} is no branch`);
    this.#end = end;
    end.onReady(() => this.#step());
    this.#write({ channel: opened.channel ?? 0n, count: BigInt(end.takenBlocks), lostBlocks: 0n, block: NOTHING });
  }

  /** The sink has so many blocks. */
  confirm(count: bigint): void {
    const wrong = this.#end?.confirm(Number(count));
    if (wrong !== undefined) this.#refuse(wrong);
  }

  /** The call is over. */
  over(): void {
    this.#over.abort();
    this.#end?.close(this.#host.waitMs);
    this.#end = undefined;
  }

  #step(): undefined {
    const end = this.#end;
    if (this.#isWriting || this.#over.signal.aborted || end === undefined) return;
    const block = end.next();
    if (block === undefined) return;
    if (block instanceof Fault) return this.#refuse(block);
    const lostBlocks = BigInt(end.takeLost());
    if (block !== 'ended')
      return this.#write({ channel: 0n, count: BigInt(end.takenBlocks), lostBlocks, block: bufferOf(block) });
    if (lostBlocks > 0n) this.#call.write({ channel: 0n, count: BigInt(end.takenBlocks), lostBlocks, block: NOTHING });
    this.#call.end();
  }

  /** One message at a time: the next is taken when HTTP/2 has let the last one go. */
  #write(message: RelayResponse): undefined {
    this.#isWriting = true;
    this.#call.write(message, () => {
      this.#isWriting = false;
      this.#step();
    });
  }

  #refuse(fault: Fault): undefined {
    this.#fail(CODES[fault.reason] ?? status.UNAVAILABLE, fault.message);
  }

  #fail(code: status, details: string): undefined {
    this.over();
    this.#call.emit('error', { code, details });
  }
}

const ELSEWHERE = 'the channel, or the session of the sink, is at another server';

const CODES: Readonly<Partial<Record<Fault['reason'], status>>> = {
  STREAM_NOT_FOUND: status.NOT_FOUND,
  STREAM_STOPPED: status.ABORTED,
  FIELD_INVALID: status.INVALID_ARGUMENT,
  // Final: two servers that dial again would take the branch from each other without end.
  OUT_OF_ORDER: status.ALREADY_EXISTS,
};

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
