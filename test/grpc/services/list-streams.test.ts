import { expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import type { Stream } from '../../../src/core/model/stream.js';
import type { Calls, Step } from '../../../src/grpc/call-handlers.js';
import type { Caller } from '../../../src/grpc/caller.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { streamService } from '../../../src/grpc/services/stream-service.js';

const [OWN, OTHER, HUB] = [257, 513, 769];
const OF_HUB = 1_000;
const PARAMS = { name: '', timeoutMs: 0, maxBlockBytes: 0, compression: 0, deliveryConfirmation: false, labels: {} };

/** ListStreams over a hub's streams and one of a session of its own, and which sessions' streams it has looked through. */
function made() {
  const between = (id: number, owner: number, sid: number): Stream =>
    ({ id, owner, sinks: [{ sid, id: id + 1 }], params: PARAMS, revision: 1 }) as never;
  const all = Array.from({ length: OF_HUB }, (_, nth) => between(10 * nth + 10_000, OTHER, HUB));
  all.push(between(90_000, OWN, HUB));
  const searched: number[] = [];
  const streams = {
    of: (sid: number) => {
      searched.push(sid);
      return all.filter(({ owner, sinks }) => owner === sid || sinks.some((sink) => sink.sid === sid));
    },
    get: (id: number) => all.find((stream) => stream.id === id),
  };
  const state = {
    limits: DEFAULT_LIMITS,
    streams,
    sessions: new Map(),
    epoch: 'e',
    position: { epoch: 'e', revision: 1 },
  };
  const backing = { replica: { state }, limits: DEFAULT_DOOR_LIMITS };
  // What a method is wrapped in is left out: the function itself is called.
  const calls = new Proxy({}, { get: (_calls, name) => (name === 'backing' ? backing : (work: unknown) => work) });
  type List = (request: object, caller: Pick<Caller, 'sid' | 'may'>) => Step<{ streams: { id: number }[] }>;
  const list = streamService(calls as Calls).listStreams as unknown as List;
  const idsFor = (cvid: number, may: Caller['may']): readonly number[] | 'more' => {
    const page = list({ cvid, pageSize: 10, pageToken: '' }, { sid: OWN, may })();
    return page === 'more' || !('streams' in page) ? 'more' : page.streams.map(({ id }) => id);
  };
  return { idsFor, searched };
}

it("looks through its caller's own streams only, whomever they are asked for with", () => {
  const { idsFor, searched } = made();
  // In one step, as many as the hub may have.
  expect(idsFor(HUB, () => false)).toEqual([90_000]);
  expect(idsFor(OTHER, () => false)).toEqual([]);
  expect(idsFor(OWN, () => false)).toEqual([90_000]);
  expect(new Set(searched)).toEqual(new Set([OWN]));
});

it('looks through those of the session that is named for who may read the network', () => {
  const { idsFor, searched } = made();
  expect(idsFor(HUB, () => true)).toHaveLength(10);
  expect(searched).toEqual([HUB]);
});
