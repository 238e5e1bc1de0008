import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { systemClock } from '../../../src/client/system.js';
import { DEFAULT_TURN_LIMITS } from '../../../src/fair/limits.js';
import { METHOD_PATHS } from '../../abuse/tools/method-paths.js';
import { agent, ask, type Running, run } from '../running.js';

/** Every method, the one that is there for tools included. */
const PATHS = [...METHOD_PATHS, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'];
/** What everything takes by the server's clock, at least: more than a slice, so that calls that come at once wait for their turns. */
const STEP_MS = DEFAULT_TURN_LIMITS.sliceMs + 1;
/** How soon a call is answered, on a machine that is busy. */
const ANSWERED_MS = 20_000;

describe('a call whose request ends without a message, and which waits for its turn', () => {
  let at: Running;
  let client: ClientHttp2Session;
  let token: string;
  beforeEach(async () => {
    let extraMs = 0;
    at = await run({}, { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + (extraMs += STEP_MS) } });
    ({ sessionToken: token } = await ask(at, Sessions.session, agent(1)));
    client = connect(`http://${at.address}`);
    client.on('error', () => {});
  });
  afterEach(async () => {
    client.destroy();
    await at.stop();
  });

  const call = (path: string, endStream: boolean): ClientHttp2Stream => {
    const made = client.request(
      {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'switchyard-session': token,
      },
      { endStream },
    );
    made.on('error', () => {});
    return made.resume();
  };

  it.each([
    ['HEADERS', true],
    ['DATA of no bytes', false],
  ])('is answered whatever its method is when %s end it', async (_, endStream) => {
    const unanswered = new Set(PATHS);
    const answered = PATHS.map(async (path) => {
      const made = call(path, endStream);
      const status = new Promise<unknown>((resolve) => {
        for (const event of ['response', 'trailers']) {
          made.on(event, (fields) => 'grpc-status' in fields && resolve(fields['grpc-status']));
        }
      });
      if (!endStream) made.end();
      await status;
      unanswered.delete(path);
    });
    await Promise.race([Promise.all(answered), wait(ANSWERED_MS, undefined, { ref: false })]);
    expect([...unanswered]).toEqual([]);
  });
});
