import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { TimersClock } from '../../harness/manual-clock.js';
import { draining } from '../../src/core/model/draining.js';
import { agent, ask, asSession, open, type Running, refused, run } from '../grpc/running.js';
import { agent as device, talk } from '../system/talking.js';

// etcd #2660: keys of clients that were alive expired while there was nobody at whom to renew them.

const COUNT = 200;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-trial-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a session with a TTL of 5 s', () => {
  it('lives on when it renews exactly when the drain told it to, whichever turn it was given', async () => {
    const before = await run({ data: folder });
    const opened = await Promise.all(
      Array.from({ length: COUNT }, (_, n) =>
        ask(before, Sessions.session, { ...agent(n + 1), ttl: { seconds: 5n, nanos: 0 } }),
      ),
    );
    await before.stop();
    // Of 9,000 that hear of a drain, these are spread over all turns.
    const waits = opened.map((_, n) => draining(n * (9_000 / COUNT), 30_000).retryAfterMs!);
    const clock = new TimersClock();
    const after = await run({ data: folder }, { clock });
    let passedMs = 0;
    let expired = 0;
    for (const [n, { sessionToken }] of opened.entries()) {
      passInSteps(clock, waits[n] - passedMs);
      passedMs = waits[n];
      await ask(after, Sessions.keepAlive, {} as never, asSession(sessionToken)).catch(() => expired++);
    }
    await after.stop();
    expect(Math.max(...waits)).toBeGreaterThan(5_000 + 3_000);
    expect(expired).toBe(0);
  });
});

describe('a drain of a server whose sessions live for 600 ms', () => {
  it('keeps none away for more than 300 ms, whatever it was connected by', async () => {
    const short = { grace: '600ms', 'session-ttl': '600ms', 'session-ttl-min': '600ms' };
    const at = await run({ ...short, 'system-tcp-listen': '127.0.0.1:0' });
    const { sessionToken } = await ask(at, Sessions.session, agent(1));
    const attachment = open(at, Sessions.attach, {}, asSession(sessionToken));
    await attachment.next();
    const [bare, withSession] = await Promise.all([talk(tcpOf(at)), talk(tcpOf(at))]);
    await withSession.client.ask('Session', device(2));
    // It is on its way when the drain begins.
    const asked = refused(ask(at, Sessions.session, agent(3)));
    const down = at.server.drain();
    const ends = [
      await asked,
      await attachment.ending(),
      ...(await Promise.all([bare, withSession].map(({ client }) => client.closed))),
    ];
    await down;
    at.client.close();
    for (const end of ends) {
      expect(end?.reason).toBe('DRAINING');
      expect(end && ('retryMs' in end ? end.retryMs : end.retryAfterMs)).toBeLessThanOrEqual(300);
    }
  });
});

function tcpOf(at: Running): string {
  return `tcp://${at.server.addresses.tcp}`;
}

/** Moves on in steps that are no pause. */
function passInSteps(clock: TimersClock, ms: number): void {
  for (let left = ms; left > 0; left -= 500) clock.advance(Math.min(left, 500));
}
