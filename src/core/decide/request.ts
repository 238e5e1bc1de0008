import type { Change } from '../model/change.js';
import type { AskConnection, Command, CreateStream } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { type DoneRequest, type Made, spellRequest } from '../model/request.js';
import { type HashKey, halfSipHash } from '../store/packed/halfsiphash.js';
import type { State } from '../store/state.js';
import type { StateView } from '../store/state-view.js';

/** Commands that may carry a request id. */
type Requested = CreateStream | AskConnection;

/** Known to everybody, and the same for ever: fingerprints are part of the state. Who makes two alike deceives itself alone. */
const KEYS: readonly HashKey[] = [
  [0x73776974, 0x63687961],
  [0x72642072, 0x65717565],
];

/**
 * What comes of a request whose id its session has used not long ago: that it was done already, or, where it is another request
 * now, a refusal. Undefined: it has not been done.
 */
export function repeatedRequest(state: StateView, command: Requested): [Change] | Fault | undefined {
  const { sid, requestId } = command;
  const request = requestId === undefined ? undefined : state.requests.find(sid, requestId, state.atMs);
  if (request === undefined) return undefined;
  if (request.fingerprint === fingerprintOf(command)) return [{ kind: 'RequestRepeated', request }];
  const description = `${JSON.stringify(requestId)} was the id of another request of session ${sid}, within ten minutes`;
  return Fault.fields([{ field: 'request_id', description }]);
}

/** The change by which a request is remembered that has been done; none where it has no id. */
export function doneRequest(state: State, command: Requested, made: Made): Change[] {
  const { sid, requestId } = command;
  if (requestId === undefined) return [];
  const request = { sid, requestId, atMs: state.atMs, fingerprint: fingerprintOf(command), made };
  return [{ kind: 'RequestDone', request }];
}

/** The changes by which a request is forgotten whose outcome has been undone: when it comes again, it is done again. */
export function undoneRequest(state: State, sid: number, made: Pick<Made, 'kind' | 'id'>): Change[] {
  const request = state.requests.of(sid).find((one) => one.made.kind === made.kind && one.made.id === made.id);
  return request === undefined ? [] : [{ kind: 'RequestForgotten', request }];
}

/** The request that a command's changes say was done, by this command or before it. */
export function requestIn(changes: readonly Change[]): DoneRequest | undefined {
  for (const change of changes) {
    if (change.kind === 'RequestDone' || change.kind === 'RequestRepeated') return change.request;
  }
  return undefined;
}

/** Whether a command would do nothing, because it repeats a request. Such a one needs no room, and nobody else. */
export function isRepeated(state: StateView, command: Command): boolean {
  const canRepeat = command.kind === 'CreateStream' || command.kind === 'AskConnection';
  return canRepeat && repeatedRequest(state, command) !== undefined;
}

/** What a retry may have measured anew (candidates, the round trip) is no part of what was asked for. */
function fingerprintOf(command: Requested): string {
  const spelled = spellRequest(command.kind === 'CreateStream' ? partsOfStream(command) : partsOfConnection(command));
  return KEYS.map((key) => (halfSipHash(key, spelled) >>> 0).toString(16).padStart(8, '0')).join('');
}

function partsOfStream({ kind, sinks, params }: CreateStream) {
  const { name, timeoutMs, maxBlockBytes, compression, deliveryConfirmation, labels } = params;
  return [kind, sinks, name, timeoutMs, maxBlockBytes, compression, deliveryConfirmation, labels];
}

/** Without a choice of fallback it is spelled as before there was one: what is remembered from then has to be found. */
function partsOfConnection({ kind, peer, link, port, relayed, fallback }: AskConnection) {
  return [kind, peer, link, port, relayed, ...(fallback === undefined ? [] : [fallback])];
}
