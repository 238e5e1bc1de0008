import {
  type CreateStreamRequest,
  type CreateStreamResponse,
  type GetStreamRequest,
  type GetStreamResponse,
  type ListStreamsRequest,
  type ListStreamsResponse,
  StopStreamResponse_Result as Result,
  type StopStreamRequest,
  type StopStreamResponse,
  type StreamServiceServer,
  StreamServiceService,
  type TerminateStreamRequest,
  type TerminateStreamResponse,
  type UpdateStreamParamsRequest,
  type UpdateStreamParamsResponse,
  type WatchStreamsRequest,
} from '../../../gen/switchyard/v1/stream_service.js';
import { Checked } from '../../core/decide/check.js';
import { isRepeated, requestIn } from '../../core/decide/request.js';
import { streamMade } from '../../core/decide/stream.js';
import { type Change, stoppedIds } from '../../core/model/change.js';
import type { Command } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import { isEndpoint, StopReason, type Stream } from '../../core/model/stream.js';
import type { StateView } from '../../core/store/state-view.js';
import { tryOutCurrently } from '../../replica/currency.js';
import type { Backing } from '../backing.js';
import type { Calls, MadeForCaller, Step } from '../call-handlers.js';
import type { Caller } from '../caller.js';
import { passingBytes } from '../encode/encoded.js';
import { positionMessage, streamMessage } from '../encode/message.js';
import { streamSize } from '../encode/size.js';
import type { Source } from '../pump.js';
import { untilEnd } from './ending.js';
import { readAfter } from './network-service.js';
import { fillPage, nextTokenOf, readPage } from './page.js';
import { type RelayCall, relay } from './relay.js';
import { RELAY } from './relay-codec.js';
import { readMaskedParams, readParams } from './stream-params.js';

/** StreamService's definition, with a watch whose answers are bytes already. */
export const streamDefinition = {
  ...StreamServiceService,
  watchStreams: passingBytes(StreamServiceService.watchStreams),
  relay: RELAY,
};

/** StreamService, as stream_service.proto documents it. */
export function streamService(calls: Calls): StreamServiceServer {
  const { backing } = calls;
  return {
    createStream: calls.making((request: CreateStreamRequest, sid, _call, caller) =>
      create(backing, request, sid, caller),
    ),
    updateStreamParams: calls.session((request: UpdateStreamParamsRequest, sid) => update(backing, request, sid)),
    terminateStream: calls.session((request: TerminateStreamRequest, sid) => terminate(backing, request, sid)),
    stopStream: calls.sessionOrAdmin((request: StopStreamRequest, caller) => stop(backing, request, caller)),
    getStream: calls.sessionOrAdmin((request: GetStreamRequest, caller) => read(backing, request, caller)),
    listStreams: calls.sessionOrAdminCostly((request: ListStreamsRequest, caller) => list(backing, request, caller)),
    watchStreams: calls.sessionOrAdminWatch((request: WatchStreamsRequest, caller) => watch(backing, request, caller)),
    relay: calls.sessionDuplex((call: RelayCall, sid, caller) =>
      relay(backing, call, sid, caller, () => calls.confirmsOnly(call)),
    ),
  };
}

async function create(
  { replica, shares, gatekeeper }: Backing,
  { params, sinkCvids, requestId }: CreateStreamRequest,
  sid: number,
  caller: Caller,
): Promise<MadeForCaller<CreateStreamResponse> | Fault> {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const read = readParams(checked, params);
  // More than the core's limit are refused there, by their number.
  sinkCvids.slice(0, state.limits.sinksPerStreamMax).forEach((sink, at) => void checked.sid(`sink_cvids[${at}]`, sink));
  const named = checked.requestId('request_id', requestId);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const refused = gatekeeper.refuseStream(caller, sid, sinkCvids);
  if (refused !== undefined) return refused;
  const command = { kind: 'CreateStream', sid, params: read, sinks: sinkCvids, ...named } as const;
  const room = { streamsPerAddressMax: 1, branchesPerAddressMax: sinkCvids.length };
  const submit = () => replica.submit(command);
  const outcome = await (isRepeated(state, command) ? submit() : shares.hold(sid, caller.origin, room, submit));
  if (outcome instanceof Fault) return outcome;
  const repeated = requestIn(outcome.changes);
  const stream = repeated === undefined ? putOf(outcome.changes) : streamMade(command, repeated.made);
  const isLast = replica.claims.claim(repeated);
  const takeBack = () => {
    if (isLast()) replica.takeBack({ kind: 'StopStream', sid: 0, id: stream.id, reason: StopReason.TERMINATED });
  };
  return { response: { stream: streamMessage(stream, state.epoch) }, takeBack };
}

function putOf(changes: readonly Change[]): Stream {
  for (const change of changes) if (change.kind === 'StreamPut') return change.stream;
  throw new Error('a created stream is among the changes of its revision');
}

async function update(
  { replica }: Backing,
  { id, params, updateMask }: UpdateStreamParamsRequest,
  sid: number,
): Promise<UpdateStreamParamsResponse | Fault> {
  const { state } = replica;
  const checked = new Checked(state.limits);
  checked.streamId('id', id);
  const changed = readMaskedParams(checked, params, updateMask);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const outcome = await replica.submit({ kind: 'UpdateStreamParams', sid, id, params: changed });
  if (outcome instanceof Fault) return outcome;
  // Without a change, nothing was to be changed: the stream stands as it is.
  const stream = outcome.changes.length === 0 ? state.streams.get(id)! : putOf(outcome.changes);
  return { stream: streamMessage(stream, state.epoch) };
}

async function terminate(
  { replica, relay: data }: Backing,
  { id }: TerminateStreamRequest,
  sid: number,
): Promise<TerminateStreamResponse | Fault> {
  const { state } = replica;
  const checked = new Checked(state.limits);
  checked.streamId('id', id);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const outcome = await replica.submit({ kind: 'TerminateStream', sid, id });
  if (outcome instanceof Fault) return outcome;
  await data.settled(outcome);
  return { position: positionMessage({ epoch: state.epoch, revision: outcome.revision }) };
}

/** Unknown and not the caller's are one answer, and so is an id that cannot be: nobody can probe. */
async function stop(
  { replica, relay: data }: Backing,
  { id, validateOnly }: StopStreamRequest,
  caller: Caller,
): Promise<StopStreamResponse | Fault> {
  const as = (sid: number): Command => ({
    kind: 'StopStream',
    sid,
    id,
    reason: StopReason.STOPPED,
    ...(sid === 0 ? caller.by : {}),
  });
  const own = caller.sid === undefined ? undefined : await tryOutCurrently(replica, as(caller.sid));
  if (own instanceof Fault && own.reason !== 'STREAM_NOT_FOUND') return own;
  // As an end of the stream where it is one, and by its permission otherwise.
  const command = caller.may('stream.stop') && (own === undefined || own instanceof Fault) ? as(0) : as(caller.sid!);
  const outcome = validateOnly ? await tryOutCurrently(replica, command) : await replica.submit(command);
  if (outcome instanceof Fault) {
    return outcome.reason === 'STREAM_NOT_FOUND' ? { result: Result.INVALID, stoppedIds: [] } : outcome;
  }
  if ('changes' in outcome) await data.settled(outcome);
  const changes = 'changes' in outcome ? outcome.changes : outcome;
  return { result: Result.OK, stoppedIds: changes.flatMap(stoppedOf) };
}

function stoppedOf(change: Change): number[] {
  return change.kind === 'StreamStopped' ? stoppedIds(change) : [];
}

function isVisible(stream: Stream, caller: Caller): boolean {
  return caller.may('network.read') || (caller.sid !== undefined && isEndpoint(stream, caller.sid));
}

function read({ replica }: Backing, { id }: GetStreamRequest, caller: Caller): GetStreamResponse | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  checked.streamId('id', id);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const stream = state.streams.get(id);
  if (stream === undefined || !isVisible(stream, caller)) return new Fault('STREAM_NOT_FOUND', `no stream ${id}`);
  return { stream: streamMessage(stream, state.epoch), position: positionMessage(state.position) };
}

/** How many ids a step of a list looks at: some tenths of a millisecond. */
const LOOKS_PER_STEP = 256;

/** Lists streams in steps: between two that the caller can see there may be any number of others. */
function list(
  { replica, limits }: Backing,
  request: ListStreamsRequest,
  caller: Caller,
): Step<ListStreamsResponse> | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const paged = { method: 'ListStreams', filter: { cvid: request.cvid } };
  const wanted = readPage(checked, limits, paged, request);
  if (request.cvid !== 0) checked.sid('cvid', request.cvid);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  // Who sees only its own streams looks through those: how long that takes tells nothing of the streams of others.
  const end = caller.may('network.read') ? request.cvid : caller.sid!;
  const isWanted = (stream: Stream) => request.cvid === 0 || isEndpoint(stream, request.cvid);
  const ids = (end === 0 ? state.streams.idsAfter(wanted.after) : idsOf(state, end, wanted.after))[Symbol.iterator]();
  const found: Stream[] = [];
  return () => {
    for (let looks = 0; found.length <= wanted.size; looks++) {
      if (looks === LOOKS_PER_STEP) return 'more';
      const { value: id, done } = ids.next();
      if (done) break;
      const stream = state.streams.get(id);
      // An id may have become a branch's since the list began.
      if (stream?.id === id && isWanted(stream) && isVisible(stream, caller)) found.push(stream);
    }
    const filled = fillPage(found, wanted, streamSize);
    return {
      streams: filled.page.map((stream) => streamMessage(stream, state.epoch)),
      nextPageToken: nextTokenOf(paged, filled, ({ id }) => id),
      position: positionMessage(state.position),
    };
  };
}

/** The ids past one of all streams with this session at an end, the one from the start included, ascending. */
function idsOf(state: StateView, sid: number, after: number): number[] {
  const initial = state.sessions.get(sid)?.streamId ?? 0;
  const ids = [initial, ...state.streams.of(sid).map(({ id }) => id)];
  return ids.filter((id) => id > after).sort((one, other) => one - other);
}

function watch({ replica, feeds }: Backing, request: WatchStreamsRequest, caller: Caller): Source<Uint8Array> | Fault {
  const { state } = replica;
  const checked = new Checked(state.limits);
  const after = readAfter(checked, request.after);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const { sid } = caller;
  const seesAll = caller.may('network.read');
  const watching = feeds.streams.subscribe({ after, sids: seesAll ? [] : [sid!] });
  return seesAll || watching instanceof Fault ? watching : untilEnd(watching, state, sid!);
}
