import { afterEach, describe, expect, it } from '@jest/globals';
import { sampleOf } from '../long.js';
import { tell } from './tools/attack.js';
import { RESIDENT_BYTES_MAX } from './tools/cap.js';
import { callsBehind, closedWatch, streams } from './tools/openings.js';
import type { Way } from './tools/reset-floods.js';
import { CALLS, openAll, resetAll, Scene } from './tools/scene.js';
import { Target } from './tools/target.js';
import { prepare, WAYS } from './tools/ways.js';

/** `npm test` tries one of so many ways, and `npm run test:all` each by each version of Node: each takes seconds. */
const ONE_OF = 6;
const plain = sampleOf(WAYS, ONE_OF);
const overTls = sampleOf(
  WAYS.filter((way) => way.overTls),
  ONE_OF,
);

let scene: Scene | undefined;

/** Calls of two visits of an ordinary client: one beside the attack, and one after it. */
const CALLS_MIN = 6;

/**
 * Carries a way out beside an ordinary client, all of whose calls are answered; the server lives and stays small, and has
 * closed the offender for what it did and nobody for anything else.
 */
async function suffer(way: Way, tls: boolean): Promise<void> {
  const target = await Target.launch({ args: [...(way.args ?? []), '--metrics-listen', '127.0.0.1:0'], tls });
  scene = new Scene(target);
  await prepare(way, scene);
  const seen = await target.beside(() => way.attack(scene!));
  tell(`${tls ? 'TLS: ' : ''}${way.name} (${(target.cap.peakBytes / 1_048_576).toFixed(0)} MiB)`, seen);
  expect(seen.calls).toBeGreaterThanOrEqual(CALLS_MIN);
  const closings = (await target.closings()).filter((sample) => sample !== way.countedLate);
  if (closings.length > 0 || !(way.isCountedByChance || scene.isNghttp2First)) {
    expect(closings).toEqual(way.counted === undefined ? [] : [way.counted]);
  }
  expect(target.cap.peakBytes).toBeLessThan(RESIDENT_BYTES_MAX);
}

describe('one that', () => {
  afterEach(async () => {
    scene?.leave();
    await scene?.target.stop();
  });

  it.each(plain.map((way) => [way.name, way] as const))('%s harms nobody else', (_name, way) => suffer(way, false));

  it.each(overTls.map((way) => [way.name, way] as const))('%s, over TLS, harms nobody else', (_name, way) =>
    suffer(way, true),
  );
});

describe('a server', () => {
  afterEach(async () => {
    scene?.leave();
    await scene?.target.stop();
  });

  it.each([false, true])('drains while 700 watches are reset (TLS: %s)', async (tls) => {
    const target = await Target.launch({ args: ['--drain-deadline', '2s'], tls });
    scene = new Scene(target);
    const connection = await scene.dial();
    await openAll(connection, closedWatch, streams(CALLS), true);
    const leaving = connection.write(Buffer.concat([resetAll(streams(CALLS)), callsBehind(2 * CALLS + 1)]));
    expect(await target.drain()).toBe(0);
    await leaving;
    expect(target.cap.peakBytes).toBeLessThan(RESIDENT_BYTES_MAX);
  });
});
