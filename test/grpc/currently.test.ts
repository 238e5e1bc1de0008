import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../src/core/model/fault.js';
import type { Backing } from '../../src/grpc/backing.js';
import { Calls } from '../../src/grpc/call-handlers.js';
import { wantedOf } from '../../src/grpc/wanted.js';
import type { Asker } from '../../src/replica/access/asker.js';
import { meterOfOne } from '../replica/access/meter-of-one.js';

/** A server of several that applies one revision more when it is asked to be current, and what its audit log is told. */
function makeServer(admit: (method: string, caller: Asker, call: object) => Fault | undefined = () => undefined) {
  const state = { revision: 1, epoch: 'e' };
  const audited: string[] = [];
  const currency = {
    isInTouch: true,
    current: async () => void state.revision++,
    reached: async () => undefined,
  };
  const backing = {
    replica: { currency, state },
    gatekeeper: { admit, nameOf: () => 'somebody', tokens: { find: () => undefined } },
    issuers: {},
    certificates: {},
    limits: {},
    audit: {
      done: ({ what }: { what: string }) => void audited.push(`done ${what}`),
      refused: ({ what }: { what: string }, reason: string) => void audited.push(`${reason} ${what}`),
    },
  } as unknown as Backing;
  return { calls: new Calls(backing), state, audited };
}

function call(request: object) {
  return {
    request,
    metadata: new Metadata(),
    getPath: () => '/switchyard.v1.IdentityService/RevokeIdentity',
    getPeer: () => '192.0.2.1:7',
  };
}

function answerTo(calls: Calls, work: () => object | Fault): Promise<unknown> {
  const handler = calls.anyone<object, object>(work);
  return new Promise((resolve) => handler(call({}) as never, (error, answer) => resolve(error ?? answer)));
}

describe('a call at a server that is behind', () => {
  it('is told to the audit log as what came of it in the end, and not as the refusal of its first attempt', async () => {
    const { calls, state, audited } = makeServer();
    const work = () => (state.revision > 1 ? {} : new Fault('IDENTITY_NOT_FOUND', 'not there'));
    expect(await answerTo(calls, work)).toEqual({});
    expect(audited).toEqual(['done RevokeIdentity']);
  });

  it('is told to the audit log once when it is refused at both attempts', async () => {
    const { calls, audited } = makeServer();
    expect(await answerTo(calls, () => new Fault('IDENTITY_NOT_FOUND', 'not there'))).toBeInstanceOf(Error);
    expect(audited).toEqual(['IDENTITY_NOT_FOUND RevokeIdentity']);
  });

  it('is counted once by the quota of its identity, however often it is tried', async () => {
    const meter = meterOfOne({ calls_per_second: 1 });
    const { calls, state } = makeServer((_method, caller, call) => meter.take(caller, call));
    const work = () => (state.revision > 1 ? {} : new Fault('IDENTITY_NOT_FOUND', 'not there'));
    expect(await answerTo(calls, work)).toEqual({});
    expect(await answerTo(calls, work)).toMatchObject({ details: expect.stringContaining('try again in 1000 ms') });
  });
});

describe('what a call wants of the state', () => {
  it.each([
    ['a proof', { proof: {} }, true],
    ['the proofs of a rotation', { oldProof: {}, newProof: {} }, true],
    ['no proof', {}, false],
  ])('is to be tried only once where it has %s, or else twice', (_what, request, isOnce) => {
    expect(wantedOf(call(request))).toMatchObject({ isOnce });
  });
});
