import { setTimeout as wait } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { times } from './tools/attack.js';
import { closedWatch, page, streams } from './tools/openings.js';
import * as raw from './tools/raw.js';
import { Target } from './tools/target.js';

const CONNECTIONS = 15;
/** What a server opens or closes of its own, such as the last connection of its launch. */
const FILES_MAX = 2;
/** Longer than a connection that is cut off may take to close. */
const RELEASE_MS = 5_000;
const PING = raw.frame(raw.PING, 0, 0, Buffer.alloc(8));
const ASKED = Buffer.concat(streams(300).map((stream) => raw.call(stream, Sessions.listSessions.path, page(10))));

const goaway = (code: number) => raw.frame(raw.GOAWAY, 0, 0, raw.words(0, code));

/** Resets the TCP connection below, over TLS too. */
function resetTcp({ socket }: raw.RawConnection): void {
  if (!(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
    return;
  }
  // node:tls has no public method for it; there is no handle when the server was faster.
  const { _handle } = socket as unknown as { _handle: { _parent: { reset(done: () => void): void } } | null };
  _handle?._parent.reset(() => {});
  socket.destroy();
}

describe.each([false, true])('a server (TLS: %s)', (tls) => {
  let target: Target;
  let filesBefore: number;
  const dialled: raw.RawConnection[] = [];
  beforeEach(async () => {
    const args = ['--control-frames-max', '200', '--control-frames-per-second', '1', '--drain-deadline', '1s'];
    target = await Target.launch({ tls, args });
    filesBefore = target.openFiles();
  });
  afterEach(async () => {
    for (const connection of dialled.splice(0)) connection.destroy();
    await target.stop();
  });

  const dial = async () => {
    const connection = await target.dial();
    dialled.push(connection);
    await connection.write(raw.preface());
    return connection;
  };

  /** Leaves with an error while the answers to 300 calls are being written, and resets TCP without waiting. */
  const breakAway = async () => {
    const connection = await dial();
    void connection.write(Buffer.concat([ASKED, goaway(raw.INTERNAL_ERROR)]));
    await wait(0);
    resetTcp(connection);
  };

  const filesLeft = async () => {
    const endMs = performance.now() + RELEASE_MS;
    while (target.openFiles() > filesBefore + FILES_MAX && performance.now() < endMs) await wait(20);
    return target.openFiles() - filesBefore;
  };

  it('releases the sockets of clients that say GOAWAY with an error and reset TCP while it writes', async () => {
    for (let count = 0; count < CONNECTIONS; count++) await breakAway();
    expect(await filesLeft()).toBeLessThanOrEqual(FILES_MAX);
  });

  it('releases expelled clients that said GOAWAY before and do not close their end', async () => {
    for (let count = 0; count < CONNECTIONS; count++) {
      const connection = await dial();
      connection.socket.allowHalfOpen = true;
      await connection.write(Buffer.concat(streams(5).map(closedWatch)));
      while (connection.count(raw.HEADERS) < 5) await connection.heard();
      await connection.write(goaway(0));
      await wait(20);
      await connection.write(times(400, PING));
    }
    expect(await filesLeft()).toBeLessThanOrEqual(FILES_MAX);
  });

  it('drains after clients reset TCP while it wrote', async () => {
    for (let count = 0; count < CONNECTIONS; count++) await breakAway();
    const status = await Promise.race([target.drain(), wait(RELEASE_MS, 'no end', { ref: false })]);
    expect(status).toBe(0);
  });
});
