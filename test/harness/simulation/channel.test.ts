import { describe, expect, it } from '@jest/globals';
import { RelayRequest, RelayResponse, StreamServiceService } from '../../../gen/switchyard/v1/stream_service.js';
import { SimulatedChannel } from '../../../harness/simulation/machine/channel.js';
import type { Callee, Caller } from '../../../harness/simulation/machine/connection.js';
import { Network, Route } from '../../../harness/simulation/machine/network.js';
import { Process } from '../../../harness/simulation/machine/process.js';
import { SeededRandom } from '../../../harness/simulation/machine/random.js';
import { Scheduler } from '../../../harness/simulation/machine/scheduler.js';

/** A call both ways of a simulated client, and its server's end in the hands of the test. */
function called(requests: AsyncIterable<RelayRequest>) {
  const scheduler = new Scheduler();
  const network = new Network(scheduler);
  const heard: string[] = [];
  let server: Caller | undefined;
  const callee: Callee = {
    cancel: () => heard.push('cancel'),
    credit: () => {},
    push: (bytes) => heard.push(`request of ${bytes.length} B`),
    halfClose: () => heard.push('half-close'),
  };
  network.listener = {
    accept: (_asked, caller) => {
      server = caller;
      return callee;
    },
    left: () => {},
  };
  const route = new Route('10.0.0.1', network, new SeededRandom(1));
  const channel = new SimulatedChannel(route, new Process(scheduler), () => {});
  const gone = new AbortController();
  const answers = channel.duplex(StreamServiceService.relay, requests, { metadata: {}, signal: gone.signal });
  const run = () => scheduler.run(scheduler.nowMs + 100, () => false);
  return { answers, gone, heard, run, server: () => server! };
}

const block = (number: number) =>
  Buffer.from(RelayResponse.encode(RelayResponse.fromPartial({ block: Buffer.of(number) })).finish());

async function* nothing(): AsyncGenerator<RelayRequest> {}

describe('a simulated channel', () => {
  it('rejects with the reason when it is left before what came with the end was read', async () => {
    const { answers, gone, run, server } = called(nothing());
    const first = answers.next();
    await run();
    for (const number of [1, 2]) server().message(block(number));
    server().end({ code: 0, message: '' });
    await run();
    expect((await first).value?.block).toEqual(Buffer.of(1));
    gone.abort(new Error('left'));
    await expect(answers.next()).rejects.toThrow('left');
  });

  it('holds requests back while the server takes none, and half-closes after the last', async () => {
    const requests = async function* () {
      for (const _ of [1, 2, 3]) yield RelayRequest.fromPartial({ block: Buffer.alloc(3_000) });
    };
    const { answers, heard, run, server } = called(requests());
    void answers.next();
    await run();
    expect(heard).toEqual(Array(2).fill('request of 3003 B'));
    server().taken?.(3_003);
    await run();
    expect(heard).toEqual([...Array(3).fill('request of 3003 B')]);
    server().taken?.(3_003);
    await run();
    expect(heard.at(-1)).toBe('half-close');
    server().end({ code: 0, message: '' });
    await run();
    expect((await answers.next()).done).toBe(true);
  });
});
