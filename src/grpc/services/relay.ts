import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type RelayOpened, type RelayRequest, RelayResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { Fault } from '../../core/model/fault.js';
import { type SinkEnd, SourceEnd } from '../../relay/end.js';
import type { OpenedEnd, Relay } from '../../relay/relay.js';
import { GuardedSource } from '../../replica/guarded-source.js';
import type { Backing } from '../backing.js';
import { internalFault } from '../call-faults.js';
import type { Caller } from '../caller.js';
import { streamMessage } from '../encode/message.js';
import { pump, type Source } from '../pump.js';
import { toEnding } from '../status.js';

/** One Relay call: an end of a stream, once its first message has said which. */
export type RelayCall = ServerDuplexStream<RelayRequest, RelayResponse>;

/** How long after a call's end its reset may come. */
const RESET_AFTER_END_MS = 20;

/**
 * Leads a Relay call to an end of its stream.
 *
 * A source's call is read only while there is room for its blocks, so HTTP/2's flow control reaches the source; a sink's
 * is written to one block at a time, so a sink that does not read holds one block here and the relay's window the rest.
 * `confirmsOnly` is called for a sink, whose request brings no data.
 */
export function relay(
  backing: Backing,
  call: RelayCall,
  sid: number,
  caller: Caller,
  confirmsOnly: () => void,
): undefined {
  let end: SourceEnd | SinkEnd | undefined;
  let source: GuardedSource<RelayResponse> | undefined;
  const givenUp = new AbortController();
  const fail = (fault: Fault) => {
    givenUp.abort();
    call.removeAllListeners('data');
    call.resume();
    call.emit('error', toEnding(fault));
  };
  const forget = backing.gatekeeper.hold('Relay', caller, (fault) => {
    if (source === undefined) fail(fault);
    else source.refuse(fault);
  });
  call.on('cancelled', () => {
    givenUp.abort();
    forget();
  });
  const begin = (request: RelayRequest, opened: Fault | OpenedEnd) => {
    if (givenUp.signal.aborted) return opened instanceof Fault ? undefined : opened.end.close();
    if (opened instanceof Fault) return fail(opened);
    ({ end } = opened);
    if (!(end instanceof SourceEnd)) confirmsOnly();
    const stream = streamMessage(opened.stream, backing.replica.state.epoch);
    const saysWhere = request.open?.blocks !== undefined;
    const greeting = () => (opened.channel === undefined ? undefined : { stream, channel: opened.channel });
    const side = end instanceof SourceEnd ? sourceSide(end, call, greeting) : sinkSide(end, greeting, saysWhere);
    source = new GuardedSource(side, forget);
    pump<RelayResponse, RelayResponse>(source, call, asIs, (error) => internalFault(backing, call.getPath(), error));
  };
  call.on('data', (request: RelayRequest) => {
    // What the refusal has overtaken.
    if (source?.fault !== undefined) return;
    const wrong = refuseParts(request);
    if (wrong !== undefined) return fail(wrong);
    if (end === undefined) {
      const opened = openEnd(backing, sid, request, givenUp.signal);
      if (!(opened instanceof Promise)) return begin(request, opened);
      // Its blocks wait with the client meanwhile.
      call.pause();
      void opened
        .catch((error) => internalFault(backing, call.getPath(), error))
        .then((outcome) => {
          begin(request, outcome);
          call.resume();
        });
      return;
    }
    if (mustWait(end, request)) {
      call.pause();
      // It is the first again once there is room.
      call.unshift(request);
      return;
    }
    const fault = request.open === undefined ? take(end, request) : again();
    if (fault !== undefined) fail(fault);
    else if (end instanceof SourceEnd && !end.hasRoom()) call.pause();
  });
  call.on('end', () => {
    if (end === undefined) fail(new Fault('OUT_OF_ORDER', 'a Relay call begins with the end that it is'));
    else if (end instanceof SourceEnd) finish(backing, call, end);
  });
}

/**
 * The source has no more data; or its call was reset: Node's HTTP/2 ends a stream before it resets it, and the reset may
 * come a packet later. A call that broke must not end the stream's data, so the end counts when no reset has followed.
 */
function finish({ clock }: Backing, call: RelayCall, end: SourceEnd): void {
  // The turn after the timer: what had arrived by then was read.
  const settle = () => {
    if (!call.cancelled) end.finish();
  };
  clock.after(RESET_AFTER_END_MS, () => clock.soon(settle));
}

/** A message has exactly one part. Proto3 does not tell one that is empty, or 0, from one that is not there. */
function refuseParts({ open, block, confirmedBlocks }: RelayRequest): Fault | undefined {
  const parts = { open: open !== undefined, block: block.length > 0, confirmed_blocks: confirmedBlocks > 0n };
  const there = Object.entries(parts).flatMap(([name, isThere]) => (isThere ? [name] : []));
  if (there.length === 1) return undefined;
  const description =
    there.length === 0
      ? 'a message has one part: `open`, a `block` of at least 1 byte, or `confirmed_blocks` of at least 1'
      : `a message has one part, and this one has ${there.join(', ')}`;
  return Fault.fields((there.length === 0 ? ['block'] : there).map((field) => ({ field, description })));
}

function openEnd(
  { relay }: Backing,
  sid: number,
  { open }: RelayRequest,
  givenUp: AbortSignal,
): ReturnType<Relay['openCurrently']> {
  if (open === undefined) return new Fault('OUT_OF_ORDER', 'the first message of a Relay call has `open`');
  const blocks = open.blocks === undefined ? undefined : Number(open.blocks);
  if (blocks !== undefined && !Number.isSafeInteger(blocks)) {
    const description = `${open.blocks}; ${Number.MAX_SAFE_INTEGER} is the most`;
    return Fault.fields([{ field: 'open.blocks', description }]);
  }
  return relay.openCurrently(sid, open.id, blocks, givenUp);
}

/**
 * Whether a block may not be taken yet. Each is asked for itself: the first after `open` finds the window as earlier calls have left it, and
 * another source may have used up the quota since the one before.
 */
function mustWait(end: SourceEnd | SinkEnd, { block }: RelayRequest): boolean {
  return end instanceof SourceEnd && block.length > 0 && end.fault === undefined && !end.hasRoom();
}

function again(): Fault {
  return new Fault('OUT_OF_ORDER', 'a Relay call is one end of one stream: `open` comes once');
}

/** What a message says that is not the first: a block of the source's, or what a sink has taken. */
function take(end: SourceEnd | SinkEnd, { block, confirmedBlocks }: RelayRequest): Fault | undefined {
  if (end instanceof SourceEnd) {
    return block.length > 0 ? end.write(block) : new Fault('OUT_OF_ORDER', 'a source confirms no blocks');
  }
  if (block.length > 0) return new Fault('OUT_OF_ORDER', 'a sink sends no blocks');
  return end.confirm(Number(confirmedBlocks));
}

/** What a call begins with; undefined while another server has not said it. */
type Greeting = () => RelayOpened | undefined;

/** To the source: what the sinks have, and the end once they have everything. */
function sourceSide(end: SourceEnd, call: RelayCall, greeting: Greeting): Source<RelayResponse> {
  let greeted = false;
  return {
    next() {
      if (!greeted) {
        greeted = true;
        const opened = greeting();
        return RelayResponse.fromPartial({ opened, confirmedBlocks: BigInt(end.takeConfirmed() ?? 0) });
      }
      if (end.fault !== undefined) return end.fault;
      const confirmed = end.takeConfirmed();
      if (confirmed !== undefined) return RelayResponse.fromPartial({ confirmedBlocks: BigInt(confirmed) });
      return end.isDone ? 'ended' : undefined;
    },
    onReady: (wake) =>
      end.onReady(() => {
        if (end.hasRoom()) call.resume();
        wake();
      }),
    close: () => end.close(),
  };
}

/** To a sink: where its count goes on, and the blocks. */
function sinkSide(end: SinkEnd, greeting: Greeting, saysWhere: boolean): Source<RelayResponse> {
  let greeted = false;
  return {
    next() {
      if (!greeted) {
        const opened = greeting();
        if (opened === undefined) return end.fault;
        greeted = true;
        return RelayResponse.fromPartial({ opened, confirmedBlocks: BigInt(end.takenBlocks) });
      }
      const block = end.next();
      if (block === undefined || block instanceof Fault) return block;
      const lostBlocks = BigInt(end.takeLost());
      if (block !== 'ended') return { opened: undefined, block: block as Buffer, confirmedBlocks: 0n, lostBlocks };
      // To one that does not know this message it would be an empty block.
      return saysWhere && lostBlocks > 0n ? RelayResponse.fromPartial({ lostBlocks }) : 'ended';
    },
    onReady: (wake) => end.onReady(wake),
    close: () => end.close(),
  };
}

function asIs(message: RelayResponse): RelayResponse {
  return message;
}
