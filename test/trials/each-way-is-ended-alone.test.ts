import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningCommand, runCommand, startCommand } from '../cli/command.js';
import { type Running, run } from '../grpc/running.js';

// OpenSSH bug 85, chisel #170: a forwarder that ends both ways when one has ended.

const INPUT_BYTES = 30_000_000;

let at: Running;
let target: Server;
let open: number;
let joined: RunningCommand;
/** How many bytes each connection of the target has had when its peer ended. */
let counted: number[] = [];

beforeAll(async () => {
  at = await run();
  // Says all that it has to say at once, and then listens to the end.
  target = createServer({ allowHalfOpen: true }, (socket) => {
    let count = 0;
    socket.end('all of it');
    socket.on('data', (chunk) => {
      count += chunk.length;
    });
    socket.on('end', () => counted.push(count));
  });
  await once(target.listen(0, 'localhost'), 'listening');
  open = (target.address() as AddressInfo).port;
  joined = startCommand(['join', '--server', at.address, '--name', 'early', '--port', String(open)]);
  await joined.printed(/joined as/);
});
afterAll(async () => {
  joined.interrupt();
  await joined.ended;
  target.close();
  await at.stop();
});

/** An input of so many bytes, which begins only when it is told to. */
function input(begin: Promise<unknown>): Readable {
  return Readable.from(
    (async function* () {
      await begin;
      for (let left = INPUT_BYTES; left > 0; left -= 100_000) yield Buffer.alloc(100_000);
    })(),
  );
}

describe('switchyard connect', () => {
  it.each([[[]], [['--udp']]])(
    'sends all of its input to a target that has ended its own sending before (%s)',
    async (flags: string[]) => {
      counted = [];
      const output = new PassThrough();
      const said = text(output);
      const begin = once(output, 'data');
      const args = ['connect', '--server', at.address, ...flags, 'early', String(open)];
      const { status, err } = await runCommand(args, { input: input(begin), output });
      output.end();
      expect({ status, err, said: await said }).toEqual({ status: 0, err: '', said: 'all of it' });
      expect(counted).toEqual([INPUT_BYTES]);
    },
  );
});
