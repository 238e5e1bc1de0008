import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { TransportServiceService as Transport } from '../../gen/switchyard/v1/transport_service.js';
import { tell } from './tools/attack.js';
import { RESIDENT_BYTES_MAX } from './tools/cap.js';
import { EMPTY, streams } from './tools/openings.js';
import * as raw from './tools/raw.js';
import { Scene } from './tools/scene.js';
import { Target } from './tools/target.js';

const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
/** Nearly the first window of a call, in frames that are nearly as large as may be. */
const CALL_BYTES = 60_000;
const FRAME_BYTES = 15_000;
/** So many calls that the server would hold hundreds of MiB of what grpc-js makes of their requests. */
const CALLS = 400;
const AT_ONCE = 50;
/** How long a write may wait for a server that reads no more. */
const WRITE_MS = 2_000;

/** Messages without content, one behind the other: each is 5 bytes, and an object once it is decoded. */
const EMPTIES = Buffer.concat(Array<Buffer>(CALL_BYTES / EMPTY.length).fill(EMPTY));

/** A call with a body in several frames, which goes on or ends. */
function callWith(path: string, body: Buffer, stream: number, ends: boolean): Buffer {
  const frames = Array.from({ length: Math.ceil(body.length / FRAME_BYTES) }, (_, at) => {
    const part = body.subarray(at * FRAME_BYTES, (at + 1) * FRAME_BYTES);
    const isLast = (at + 1) * FRAME_BYTES >= body.length;
    return raw.frame(raw.DATA, ends && isLast ? raw.END_STREAM : 0, stream, part);
  });
  return Buffer.concat([raw.open(stream, path), ...frames]);
}

describe('requests that are not read', () => {
  let scene: Scene;
  afterEach(async () => {
    scene.leave();
    await scene.target.stop();
  });

  /** Writes calls, some at once, until the server closes the connection. */
  const writeCalls = async (connection: raw.RawConnection, one: (stream: number) => Buffer) => {
    for (let calls = 0; calls < CALLS && connection.isOpen; calls += AT_ONCE) {
      const some = Buffer.concat(streams(AT_ONCE, 1 + 2 * calls).map(one));
      await Promise.race([connection.write(some), wait(WRITE_MS)]);
    }
  };

  it.each([
    ['ListSessions', Sessions.listSessions.path, false],
    ['ListSessions, to the end', Sessions.listSessions.path, true],
    ['WatchEndpointClosed', Network.watchEndpointClosed.path, true],
    ['Exchange', Transport.exchange.path, false],
    ['Relay', Streams.relay.path, false],
    ['server reflection', REFLECTION, false],
  ])(
    'end no server by thousands of messages in each call: %s',
    async (name, path, ends) => {
      scene = new Scene(await Target.start('--log-level', 'warn'));
      const seen = await scene.target.beside(async () => {
        await writeCalls(await scene.dial(), (stream) => callWith(path, EMPTIES, stream, ends));
      });
      tell(`messages without content, ${name}`, seen);
      expect(seen.grownBytes).toBeLessThan(RESIDENT_BYTES_MAX / 4);
    },
    60_000,
  );
});
