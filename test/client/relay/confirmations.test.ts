import { describe, expect, it } from '@jest/globals';
import { type RelayRequest, RelayResponse } from '../../../gen/switchyard/v1/stream_service.js';
import type { Caller } from '../../../src/client/channel/caller.js';
import { RelaySink } from '../../../src/client/relay/relay.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';

const OPENED = RelayResponse.fromPartial({ opened: { stream: { id: 3, params: { deliveryConfirmation: true } } } });

/** A sink of a stream whose blocks come as the test puts them in, and what it has confirmed, message by message. */
async function openSink() {
  const confirmed: bigint[] = [];
  let put = (_blocks: number) => {};
  let end = () => {};
  async function* responses(): AsyncGenerator<RelayResponse> {
    yield OPENED;
    for (;;) {
      const blocks = await new Promise<number>((resolve) => {
        put = resolve;
        end = () => resolve(0);
      });
      if (blocks === 0) return;
      for (let at = 0; at < blocks; at++) yield RelayResponse.fromPartial({ block: Buffer.of(at + 1) });
    }
  }
  const duplex = (_method: unknown, requests: AsyncIterable<RelayRequest>) => {
    void (async () => {
      for await (const { confirmedBlocks } of requests) if (confirmedBlocks > 0n) confirmed.push(confirmedBlocks);
    })();
    return responses();
  };
  const caller = {
    channel: { duplex, hold: () => () => {} },
    clock: systemClock,
    random: systemRandom,
    life: new AbortController().signal,
    credentials: async () => ({}),
    tracer: () => undefined,
    failed: () => false,
  } as unknown as Caller;
  const sink = await RelaySink.open(caller, 3);
  return { sink, confirmed, put: (blocks: number) => put(blocks), end: () => end() };
}

/** What is ready, and what that puts off to the end of the turn, has been handled. */
async function turns(): Promise<void> {
  for (let at = 0; at < 3; at++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a sink of a stream with delivery confirmation', () => {
  it('confirms the 16 blocks that one turn of the event loop brings by one message', async () => {
    const { sink, confirmed, put, end } = await openSink();
    const reading = (async () => {
      for await (const _ of sink);
    })();
    await turns();
    put(16);
    await turns();
    expect(confirmed).toEqual([16n]);
    put(1);
    await turns();
    expect(confirmed).toEqual([16n, 17n]);
    end();
    await reading;
  });

  it('confirms a block once the next one is asked for, and not before', async () => {
    const { sink, confirmed, put, end } = await openSink();
    const blocks = sink[Symbol.asyncIterator]();
    const first = blocks.next();
    await turns();
    put(2);
    await first;
    await turns();
    expect(confirmed).toEqual([]);
    await blocks.next();
    await turns();
    expect(confirmed).toEqual([1n]);
    const last = blocks.next();
    await turns();
    expect(confirmed).toEqual([1n, 2n]);
    end();
    await last;
  });
});
