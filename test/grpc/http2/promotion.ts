// Prints how many bytes the old generation of a server of node:http2 grows by for each of many calls, a hundred of which are under way at
// a time, while only the young generation is collected:
//
//   node --expose-gc --initial-old-space-size=1024 --min-semi-space-size=16 --max-semi-space-size=16 --import ./harness/typescript.mjs \
//     test/grpc/http2/promotion.ts [map]
//
// With `map` sessions keep their streams as node:http2 does.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { tableStreams } from '../../../src/grpc/http2/stream-table.js';

const AT_ONCE = 100;
/** Until what lives for long is in the old generation. */
const WARM_CALLS = 5_000;
const CALLS = 10_000;
const [, program, role, port] = process.argv;

async function serve(): Promise<void> {
  const server = createServer();
  server.on('session', (session: Http2Session) => {
    if (role !== 'map' && !tableStreams(session)) throw new Error('this version of node keeps streams elsewhere');
  });
  let begun = 0;
  let before = 0;
  server.on('stream', async (stream) => {
    begun++;
    // Whatever the session keeps its streams in is in the old generation from now on.
    if (begun === AT_ONCE) for (let at = 0; at < 3; at++) gc!();
    if (begun === WARM_CALLS) before = oldBytes();
    if (begun === WARM_CALLS + CALLS) {
      console.log(Math.round((oldBytes() - before) / CALLS));
      process.exit(0);
    }
    // A call takes a moment, as one that is written to a journal does.
    await sleep(1);
    stream.respond({ ':status': 200 });
    stream.end('answer');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  fork(program, ['client', String((server.address() as AddressInfo).port)]);
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')!.space_used_size;
}

/** Keeps calls under way until its server is gone. */
async function flood(): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => process.exit());
  const callOn = () => {
    const call = session.request({ ':path': '/' });
    call.on('error', () => process.exit());
    call.resume();
    call.once('close', () => !session.closed && callOn());
  };
  for (let at = 0; at < AT_ONCE; at++) callOn();
}

if (role === 'client') await flood();
else await serve();
