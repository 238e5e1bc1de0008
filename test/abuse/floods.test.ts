import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { attack, expectCalmed, flood, floodUntilClosed, times } from './tools/attack.js';
import * as raw from './tools/raw.js';
import { Target } from './tools/target.js';

const { path } = Sessions.listSessions;
const fields = raw.headerBlock(raw.callFields(path));
const ping = raw.frame(raw.PING, 0, 0, Buffer.alloc(8));
const settings = raw.settings([[4, 65_535]]);

describe('a flood of frames', () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start();
  });
  afterAll(() => target.stop());

  it('of calls that are reset at once ends the connection with ENHANCE_YOUR_CALM', async () => {
    let stream = 1;
    const rapidReset = () => {
      const frames = [];
      for (const end = stream + 200; stream < end; stream += 2) {
        frames.push(raw.frame(raw.HEADERS, raw.END_HEADERS, stream, fields));
        frames.push(raw.frame(raw.RST_STREAM, 0, stream, raw.words(raw.CANCEL)));
      }
      return Buffer.concat(frames);
    };
    const { connection } = await attack(target, 'reset flood', (it) =>
      floodUntilClosed(it, () => it.write(rapidReset())),
    );
    expectCalmed(connection);
  });

  it.each([
    ['with a field in each', raw.headerBlock({ x: 'y'.repeat(1_000) })],
    ['with nothing in them', Buffer.alloc(0)],
  ])('of CONTINUATION %s ends the connection', async (which, block) => {
    await attack(target, `CONTINUATION flood ${which}`, async (connection) => {
      await connection.write(raw.frame(raw.HEADERS, 0, 1, fields));
      await floodUntilClosed(connection, () => connection.write(times(8, raw.frame(raw.CONTINUATION, 0, 1, block))));
    });
  });

  it.each([
    ['PING', ping],
    ['SETTINGS', settings],
  ])('of %s whose answers are not read ends the connection', async (which, bytes) => {
    await attack(target, `${which} flood, unread`, async (connection) => {
      connection.socket.pause();
      await floodUntilClosed(connection, () => connection.write(times(100, bytes)));
    });
  });

  it.each([
    ['PING', raw.PING, ping],
    ['SETTINGS', raw.SETTINGS, settings],
  ])('of %s whose answers are all awaited ends the connection with ENHANCE_YOUR_CALM', async (which, type, bytes) => {
    const { connection } = await attack(target, `${which} flood, answered`, (it) =>
      floodUntilClosed(it, async () => {
        const before = it.count(type);
        await it.write(times(500, bytes));
        while (it.isOpen && it.count(type) < before + 500) await it.heard();
      }),
    );
    expectCalmed(connection);
  });

  it('of empty DATA ends the connection', async () => {
    await attack(target, 'empty DATA flood', async (connection) => {
      await connection.write(raw.frame(raw.HEADERS, raw.END_HEADERS, 1, fields));
      await floodUntilClosed(connection, () => connection.write(times(100, raw.frame(raw.DATA, 0, 1))));
    });
  });

  it.each([
    ['PRIORITY', raw.frame(raw.PRIORITY, 0, 3, Buffer.from([0, 0, 0, 0, 9]))],
    ['WINDOW_UPDATE', raw.frame(raw.WINDOW_UPDATE, 0, 0, raw.words(1))],
    ['a type that nobody knows', raw.frame(0x77, 0, 0)],
  ])('of %s holds nothing', async (which, bytes) => {
    await attack(target, `${which} flood`, (connection) =>
      flood(connection, () => connection.write(times(100, bytes))),
    );
  });
});
