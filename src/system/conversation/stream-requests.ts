import { Checked } from '../../core/decide/check.js';
import { type Change, stoppedIds } from '../../core/model/change.js';
import type { Command } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import { DEFAULT_STREAM_PARAMS, StopReason, type Stream, type StreamParams } from '../../core/model/stream.js';
import { tryOutCurrently } from '../../replica/currency.js';
import type { EventBody } from '../codec/event.js';
import { streamBody } from '../encode/message.js';
import type { SessionHandler } from './request.js';

type ParamsBody = EventBody<'UpdateStreamParams'>['params'];

/** StopStreamResponse.Result of `switchyard.v1`. */
const Result = { OK: 0, INVALID: 1 } as const;

/** Registers a stream from this session to its sinks. */
export const createStream: SessionHandler<'CreateStream'> = async ({ backing, body, sid }, conversation) => {
  const { replica, shares, gatekeeper } = backing;
  const { state } = replica;
  const { params = {}, sinkCvids = [] } = body;
  const checked = new Checked(state.limits);
  const read = { ...DEFAULT_STREAM_PARAMS, ...given(checked, params) };
  checked.streamParams('params', read);
  // More than the core's limit are refused there, by their number.
  sinkCvids.slice(0, state.limits.sinksPerStreamMax).forEach((sink, at) => void checked.sid(`sink_cvids[${at}]`, sink));
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const refused = gatekeeper.refuseStream(conversation, sid, sinkCvids);
  if (refused !== undefined) return refused;
  const room = { streamsPerAddressMax: 1, branchesPerAddressMax: sinkCvids.length };
  const outcome = await shares.hold(sid, conversation.origin, room, () =>
    replica.submit({ kind: 'CreateStream', sid, params: read, sinks: sinkCvids }),
  );
  if (outcome instanceof Fault) return outcome;
  return { data: { stream: streamBody(putOf(outcome.changes), state.epoch) } };
};

/** Changes the parameters that are there, and no others. */
export const updateStreamParams: SessionHandler<'UpdateStreamParams'> = async ({ backing, body, sid }) => {
  const { replica } = backing;
  const { state } = replica;
  const { id, params, clearLabels } = body;
  const checked = new Checked(state.limits);
  checked.streamId('id', id);
  const changed = given(checked, params);
  if (clearLabels) {
    if (changed.labels !== undefined) checked.wrong('clear_labels', 'not together with labels in params');
    changed.labels = {};
  }
  if (Object.keys(changed).length === 0) checked.wrong('params', 'at least one parameter is needed');
  checked.streamParams('params', changed);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const outcome = await replica.submit({ kind: 'UpdateStreamParams', sid, id, params: changed });
  if (outcome instanceof Fault) return outcome;
  // Without a change, nothing was to be changed: the stream stands as it is.
  const stream = outcome.changes.length === 0 ? state.streams.get(id)! : putOf(outcome.changes);
  return { data: { stream: streamBody(stream, state.epoch) } };
};

/** Destroys a stream, by its owner. */
export const terminateStream: SessionHandler<'TerminateStream'> = async ({ backing, body, sid }) => {
  const { replica } = backing;
  const { state } = replica;
  const { id } = body;
  const checked = new Checked(state.limits);
  checked.streamId('id', id);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const outcome = await replica.submit({ kind: 'TerminateStream', sid, id });
  if (outcome instanceof Fault) return outcome;
  await backing.relay.settled(outcome);
  return { data: { position: { epoch: state.epoch, revision: outcome.revision } } };
};

/** Stops a stream or a branch. Unknown and not the caller's are one answer, so that nobody can probe for ids. */
export const stopStream: SessionHandler<'StopStream'> = async ({ backing, body, sid }) => {
  const { replica } = backing;
  const { id, validateOnly = false } = body;
  const command: Command = { kind: 'StopStream', sid, id, reason: StopReason.STOPPED };
  const outcome = validateOnly ? await tryOutCurrently(replica, command) : await replica.submit(command);
  if (outcome instanceof Fault) {
    return outcome.reason === 'STREAM_NOT_FOUND' ? { data: { result: Result.INVALID } } : outcome;
  }
  if ('changes' in outcome) await backing.relay.settled(outcome);
  const changes = 'changes' in outcome ? outcome.changes : outcome;
  return { data: { result: Result.OK, stoppedIds: changes.flatMap(stoppedOf) } };
};

/** Begins to give this connection the data of a branch, or of all that lead to its session. */
export const open: SessionHandler<'Open'> = ({ backing, body, sid }, conversation) => {
  const { id = 0 } = body;
  if (id === 0) return { data: {}, after: () => conversation.flows?.openAll() };
  const { state } = backing.replica;
  const stream = state.streams.get(id);
  if (!stream?.sinks.some((sink) => sink.id === id && sink.sid === sid)) {
    return new Fault('STREAM_NOT_FOUND', `no branch ${id} leads to this session`);
  }
  return { data: { stream: streamBody(stream, state.epoch) }, after: () => conversation.flows?.openSinks(stream, id) };
};

function stoppedOf(change: Change): number[] {
  return change.kind === 'StreamStopped' ? stoppedIds(change) : [];
}

function putOf(changes: readonly Change[]): Stream {
  for (const change of changes) if (change.kind === 'StreamPut') return change.stream;
  throw new Error('a stream that was put is among the changes of its revision');
}

/** The parameters that are there. */
function given(checked: Checked, body: ParamsBody): { -readonly [N in keyof StreamParams]?: StreamParams[N] } {
  const { maxBlockBytes, labels, ...others } = body;
  const params: { -readonly [N in keyof StreamParams]?: StreamParams[N] } = {};
  for (const [name, value] of Object.entries(others)) if (value !== undefined) Object.assign(params, { [name]: value });
  if (maxBlockBytes !== undefined) {
    params.maxBlockBytes = maxBlockBytes === 0 ? DEFAULT_STREAM_PARAMS.maxBlockBytes : maxBlockBytes;
  }
  if (labels !== undefined) {
    params.labels = Object.fromEntries(labels.map(({ key, value }) => [key, value]));
    if (Object.keys(params.labels).length < labels.length) checked.wrong('params.labels', 'a key is there twice');
  }
  return params;
}
