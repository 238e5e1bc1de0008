// Prints how many bytes the old generation of a server grows by for each of many calls, a hundred of which are under way at a time, while
// only the young generation is collected:
//
//   node --expose-gc --initial-old-space-size=1024 --min-semi-space-size=16 --max-semi-space-size=16 --import ./harness/typescript.mjs \
//     test/grpc/http2/promotion.ts
//
// The server is one of node:http2 with the bounds of the gRPC door, and watches the fates of all answers.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { systemClock } from '../../../src/client/system.js';
import { Peers } from '../../../src/grpc/http2/peers.js';
import { DEFAULT_DOOR_LIMITS } from '../../../src/grpc/limits.js';

const AT_ONCE = 100;
/** Until what lives for long is in the old generation. */
const WARM_CALLS = 5_000;
const CALLS = 10_000;
const PATH = '/a/b';
const [, program, role, port] = process.argv;

async function serve(): Promise<void> {
  const server = createServer();
  let begun = 0;
  let before = 0;
  server.on('stream', async (stream: ServerHttp2Stream) => {
    begun++;
    // Whatever lists calls by now is in the old generation from here on.
    if (begun === AT_ONCE) for (let at = 0; at < 3; at++) gc!();
    if (begun === WARM_CALLS) before = oldBytes();
    if (begun === WARM_CALLS + CALLS) {
      console.log(Math.round((oldBytes() - before) / CALLS));
      process.exit(0);
    }
    stream.resume();
    // A call takes a moment, as one that is written to a journal does.
    await sleep(1);
    if (stream.destroyed) return;
    stream.respond({ ':status': 200 });
    stream.write('an');
    stream.end('swer');
  });
  const paths = { answers: new Set([PATH]), watches: new Set<string>(), watched: new Set([PATH]) };
  const peers = new Peers(systemClock, { ...DEFAULT_DOOR_LIMITS, messageBytesMax: 1_048_576 }, paths, () => {});
  peers.watch(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  fork(program, ['client', String((server.address() as AddressInfo).port)]);
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')!.space_used_size;
}

/** Keeps calls under way until its server is gone. */
function flood(): void {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => process.exit());
  const callOn = () => {
    const call = session.request({ ':path': PATH, ':method': 'POST' });
    call.on('error', () => process.exit());
    call.end('a request');
    call.resume();
    call.once('close', () => !session.closed && callOn());
  };
  for (let at = 0; at < AT_ONCE; at++) callOn();
}

if (role === 'client') flood();
else await serve();
