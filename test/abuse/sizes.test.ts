import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { attack, attackTwice, expectCalmed, flood, floodUntilClosed } from './tools/attack.js';
import * as raw from './tools/raw.js';
import { Target } from './tools/target.js';

const { path } = Sessions.listSessions;
const REQUEST_BYTES_MAX = 2 * 1_048_576;
const MESSAGE_BYTES_MAX = 1_048_576;
/** Fields that no call may have, and how many calls bring them: 176 MiB, with so many calls under way. */
const LARGE_FIELDS = { a: 'x'.repeat(60_000) };
const LARGE_CALL = raw.headerBlock(raw.callFields(path, LARGE_FIELDS));
const LARGE_FIELD = raw.headerBlock(LARGE_FIELDS);
const LARGE_CALLS = 3_072;
const AT_ONCE = 8;
/** What of headers may wait to be collected: what makes the server ask for a collection, and some that come until it is done. */
const UNCOLLECTED_BYTES_MAX = 40 * 1_048_576;

/** A call, and HEADERS that end it. */
function trailed(call: Buffer, trailers: Buffer): Buffer {
  // The flags of its first frame: those behind are CONTINUATION.
  trailers.writeUInt8(trailers.readUInt8(4) | raw.END_STREAM, 4);
  return Buffer.concat([call, trailers]);
}

describe('more than was announced, or announced and not sent', () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start(
      '--message-bytes',
      String(MESSAGE_BYTES_MAX),
      '--request-bytes-per-connection-max',
      String(REQUEST_BYTES_MAX),
    );
  });
  afterAll(() => target.stop());

  it.each([
    [
      'with more fields than anybody has',
      { ...Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`k${at}`, 'v'])) },
    ],
    ['with a field of 30 KB', { a: 'x'.repeat(30_000) }],
  ])('refuses calls %s, one by one', async (which, more) => {
    const block = raw.headerBlock(raw.callFields(path, more));
    const { connection } = await attackTwice(target, `headers ${which}`, async (it) => {
      let stream = -1;
      await flood(it, () => it.write(raw.headers((stream += 2), block)));
      while (it.isOpen && it.resets.size === 0) await it.heard();
    });
    expect(new Set(connection.resets.values())).toEqual(new Set([raw.ENHANCE_YOUR_CALM]));
  });

  it.each<[string, (stream: number) => Buffer, boolean]>([
    ['in calls that are refused for them', (stream) => raw.headers(stream, LARGE_CALL), false],
    [
      'in calls that are refused for them below, once the client has agreed to the bound',
      (stream) => raw.headers(stream, LARGE_CALL),
      true,
    ],
    ['behind calls, as trailers', (stream) => trailed(raw.open(stream, path), raw.headers(stream, LARGE_FIELD)), false],
  ])('collects fields of 60 KB %s, before they take its memory', async (which, call, isAgreed) => {
    let stream = -1;
    const { connection } = await attack(
      target,
      `60 KB ${which}`,
      async (it) => {
        if (isAgreed) await it.write(raw.frame(raw.SETTINGS, raw.ACK, 0));
        for (let calls = 0; calls < LARGE_CALLS && it.isOpen; calls += AT_ONCE) {
          await it.write(Buffer.concat(Array.from({ length: AT_ONCE }, () => call((stream += 2)))));
          while (it.isOpen && it.resets.size + it.answered.size < calls + AT_ONCE) await it.heard();
        }
      },
      { heldBytesMax: UNCOLLECTED_BYTES_MAX },
    );
    expect(connection.isOpen).toBe(true);
  });

  it('does not unfold a header of 3 KB that is named 4,000 times', async () => {
    // Literal with incremental indexing (RFC 7541, section 6.2.1), then its index, 62, again and again.
    const folded = raw.headerBlock({ x: 'y'.repeat(3_000) });
    folded[0] = 0x40;
    const call = raw.headerBlock(raw.callFields(path));
    let stream = 1;
    await attack(target, 'HPACK bomb', async (connection) => {
      await connection.write(raw.frame(raw.HEADERS, raw.END_HEADERS, stream, Buffer.concat([call, folded])));
      const bomb = Buffer.concat([call, Buffer.alloc(4_000, 0x80 | 62)]);
      await flood(connection, () => connection.write(raw.frame(raw.HEADERS, raw.END_HEADERS, (stream += 2), bomb)));
    });
  });

  it('inflates only so many compressed messages at once, and closes a connection that brings nothing else', async () => {
    const bomb = raw.message(gzipSync(Buffer.alloc(MESSAGE_BYTES_MAX - 1)), 1);
    let stream = -1;
    const { connection } = await attack(
      target,
      'compressed bombs',
      (it) => floodUntilClosed(it, () => it.call((stream += 2), path, bomb, { 'grpc-encoding': 'gzip' })),
      // What is inflated lies about until it is collected.
      { heldBytesMax: 4 * REQUEST_BYTES_MAX },
    );
    expectCalmed(connection);
  });

  it('stops at the largest message when a bomb is larger, and answers', async () => {
    const bomb = raw.message(gzipSync(Buffer.alloc(64 * MESSAGE_BYTES_MAX)), 1);
    await attack(
      target,
      'one large bomb',
      async (connection) => {
        await connection.write(
          raw.frame(
            raw.HEADERS,
            raw.END_HEADERS,
            1,
            raw.headerBlock(raw.callFields(path, { 'grpc-encoding': 'gzip' })),
          ),
        );
        await connection.send(1, bomb);
        while (connection.count(raw.HEADERS) === 0) await connection.heard();
      },
      { heldBytesMax: 4 * MESSAGE_BYTES_MAX },
    );
  });

  it('holds so many bytes of messages that never end, and refuses the call that brings more', async () => {
    const calls = 2 + Math.ceil(REQUEST_BYTES_MAX / MESSAGE_BYTES_MAX);
    const { connection } = await attack(
      target,
      'messages without an end',
      async (it) => {
        const most = raw.message(Buffer.alloc(MESSAGE_BYTES_MAX - 1), 0, MESSAGE_BYTES_MAX);
        for (let stream = 1; stream < 2 * calls; stream += 2) {
          await it.write(raw.frame(raw.HEADERS, raw.END_HEADERS, stream, raw.headerBlock(raw.callFields(path))));
          await it.send(stream, most);
        }
        while (it.isOpen && it.resets.size === 0) await it.heard();
      },
      { heldBytesMax: 2 * REQUEST_BYTES_MAX },
    );
    expect([...connection.resets.values()]).toContain(raw.ENHANCE_YOUR_CALM);
  });

  it.each([
    ['4 GiB', 0xffff_ffff],
    ['one byte more than it may be', MESSAGE_BYTES_MAX + 1],
    ['more than there is', 100],
  ])('holds nothing for a message that says it has %s', async (which, length) => {
    const lie = raw.message(Buffer.from('short'), 0, length);
    let stream = -1;
    await attack(target, `length: ${which}`, async (connection) => {
      await flood(connection, async () => {
        await connection.call((stream += 2), path, lie);
        // One after the other: it is not the number that is tried here.
        while (connection.isOpen && connection.count(raw.HEADERS) < (stream + 1) / 2) await connection.heard();
      });
      expect(connection.isOpen).toBe(true);
    });
  });
});
