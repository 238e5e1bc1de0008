import { describe, expect, it } from '@jest/globals';
import { ListConnectionsResponse } from '../../../gen/switchyard/v1/network_service.js';
import { ListSessionsResponse } from '../../../gen/switchyard/v1/session_service.js';
import { ListStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { DEFAULT_STREAM_PARAMS } from '../../../src/core/model/stream.js';
import { Connections } from '../../../src/core/store/connections.js';
import type { Backing } from '../../../src/grpc/backing.js';
import type { Calls, Step } from '../../../src/grpc/call-handlers.js';
import type { Caller } from '../../../src/grpc/caller.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';
import { listConnections } from '../../../src/grpc/services/direct-connection.js';
import { pageOfSessions } from '../../../src/grpc/services/session-pages.js';
import { streamService } from '../../../src/grpc/services/stream-service.js';
import { Network } from '../../core/network.js';

const MESSAGE_BYTES_MAX = 2_097_152;
const COUNT = 1_000;
const LABELS = Object.fromEntries(
  Array.from({ length: 16 }, (_, nth) => [`${nth}`.padStart(63, 'k'), 'ä'.repeat(127)]),
);
const ALL = { pageSize: COUNT, pageToken: '' };
const ADMIN = { sid: undefined, origin: undefined, may: () => true } as unknown as Caller;

function backingOf(state: object): Backing {
  return { replica: { state, attachments: { isKnownAttached: () => false } }, limits: DEFAULT_DOOR_LIMITS } as never;
}

/** What a list answers with after all its steps. */
function answerOf<T>(step: unknown): T {
  if (typeof step !== 'function') throw new Error('refused');
  for (;;) {
    const outcome = (step as Step<T>)();
    if (outcome !== 'more') return outcome as T;
  }
}

/** The end of a page of as many entries as may be, each as large as may be. */
function expectCut(bytes: Uint8Array, { length }: readonly unknown[], nextPageToken: string): void {
  expect([bytes.length > 524_288, bytes.length <= MESSAGE_BYTES_MAX]).toEqual([true, true]);
  expect(length).toBeLessThan(COUNT);
  expect(nextPageToken).not.toBe('');
}

describe('a page of 1,000 entries, as large as may be, is cut to 2 MiB', () => {
  it('of sessions', () => {
    const network = new Network();
    for (let nth = 1; nth <= COUNT; nth++) network.open(nth, { labels: LABELS, name: 'ü'.repeat(64) });
    const request = { ...ALL, instanceType: 0, instanceUuid: '' };
    const bytes = answerOf<Uint8Array>(pageOfSessions(backingOf(network.state), request));
    const { sessions, nextPageToken } = ListSessionsResponse.decode(bytes);
    expectCut(bytes, sessions, nextPageToken);
  });

  it('of streams', () => {
    const network = new Network();
    const ends = Array.from({ length: 32 }, (_, nth) => network.open(nth + 1));
    const params = { ...DEFAULT_STREAM_PARAMS, name: 'ü'.repeat(64), labels: LABELS };
    for (let nth = 0; nth < COUNT; nth++) {
      const sid = ends[nth % ends.length];
      network.apply({ kind: 'CreateStream', sid, sinks: ends.filter((end) => end !== sid), params });
    }
    // What a method is wrapped in is left out: the function itself is called.
    const backing = backingOf(network.state);
    const calls = new Proxy({}, { get: (_, name) => (name === 'backing' ? backing : (work: unknown) => work) });
    const list = streamService(calls as Calls).listStreams as unknown as (request: object, caller: Caller) => unknown;
    const answer = answerOf<ListStreamsResponse>(list({ ...ALL, cvid: 0 }, ADMIN));
    expectCut(ListStreamsResponse.encode(answer).finish(), answer.streams, answer.nextPageToken);
  });

  it('of connections', () => {
    const connections = new Connections(() => COUNT);
    const candidate = { host: '2001:0db8:1111:2222:3333:4444:5555:6666', port: 50_000, type: 1, priority: 2 ** 31 };
    const pair = { local: candidate, remote: candidate, outcome: 'no answer' };
    const told = { connected: false, pairs: Array(32).fill(pair), tookMs: 1 };
    const end = { candidates: Array(16).fill(candidate), publicKey: '', roundTripMs: 0, relayVersion: 0, reported: 0 };
    for (let id = 1; id <= COUNT; id++) {
      connections.restore({
        ...{ id, caller: { ...end, sid: 257 }, peer: { ...end, sid: 513 } },
        attempts: [{ number: 1, startedAtMs: 1, nonce: '', caller: told, peer: told }],
        ...{
          link: 1,
          state: 5,
          path: 1,
          askedAtMs: 1,
          roundTripMs: 0,
          description: '',
          listening: { host: '', port: 0 },
        },
      } as never);
    }
    const answer = answerOf<ListConnectionsResponse>(
      listConnections(backingOf({ limits: DEFAULT_LIMITS, connections }), ALL, ADMIN),
    );
    expectCut(ListConnectionsResponse.encode(answer).finish(), answer.connections, answer.nextPageToken);
  });
});
