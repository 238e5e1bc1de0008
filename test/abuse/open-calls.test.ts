import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { RESIDENT_BYTES_MAX } from './tools/cap.js';
import { heldOf } from './tools/held.js';
import * as raw from './tools/raw.js';
import { expectClosed, Scene } from './tools/scene.js';
import { Target } from './tools/target.js';

const MIB = 1_048_576;
const CALL_BYTES_MAX = 16 * MIB;
/** Two fields of this size and what every call has are just below the 16 KiB that metadata may have. */
const FIELD_BYTES = 7_000;
/** Calls of one write, which the server reads at once. */
const AT_ONCE = 20;

/** A call whose request never comes, with names of its own, so that HPACK saves the server nothing. */
function openCall(stream: number): Buffer {
  const more = { [`x${stream}`]: 'y'.repeat(FIELD_BYTES), [`z${stream}`]: 'w'.repeat(FIELD_BYTES) };
  return raw.open(stream, Sessions.listSessions.path, more);
}

async function openCalls(connection: raw.RawConnection, count: number): Promise<void> {
  for (let opened = 0; opened < count && connection.isOpen; opened += AT_ONCE) {
    const streams = Array.from({ length: AT_ONCE }, (_, at) => 2 * (opened + at) + 1);
    // One that is closed meanwhile takes nothing more.
    await Promise.race([connection.write(Buffer.concat(streams.map(openCall))), wait(1_000)]);
  }
}

describe('calls that stay open, each with as much metadata as it may have', () => {
  let scene: Scene;
  afterEach(async () => {
    scene.leave();
    await scene.target.stop();
  });

  it('are held up to one bound for all connections, and the connection that holds most is closed', async () => {
    const options = [
      '--call-bytes-max',
      String(CALL_BYTES_MAX),
      '--metrics-listen',
      '127.0.0.1:0',
      '--log-level',
      'warn',
    ];
    const target = await Target.start(...options);
    scene = new Scene(target);
    const observed = await target.beside(async () => {
      const modest = await scene.dial();
      await openCalls(modest, 100);
      const greedy = await scene.dial();
      await openCalls(greedy, 1_200);
      await expectClosed(greedy);
      expect(modest.isOpen).toBe(true);
      // The modest one's own: 100 calls of 4 KiB and some 14,000 bytes.
      const { bytes } = await heldOf(target, 'calls');
      expect(bytes).toBeGreaterThan(1.5 * MIB);
      expect(bytes).toBeLessThan(CALL_BYTES_MAX);
      modest.destroy();
      for (let tries = 0; tries < 200 && (await heldOf(target, 'calls')).bytes > MIB; tries++) await wait(20);
      expect((await heldOf(target, 'calls')).bytes).toBeLessThan(MIB);
    });
    expect(target.log).toContain('calls that stay open, with their metadata');
    expect(observed.grownBytes).toBeLessThan(RESIDENT_BYTES_MAX / 4);
  }, 120_000);
});
