import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { join } from '../../../src/cli/peers/forwarding.js';

/** A target in a process of its own: it answers "reset" by data and a reset, "end" by data and an end. Prints its port. */
const TARGET = `
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {}).once('data', (word) => {
      const isReset = word.toString() === 'reset';
      socket.write('x'.repeat(1000), () => isReset ? socket.resetAndDestroy() : socket.end());
    });
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;
/** This process is busy for so long, while everything that the target does arrives. */
const BUSY_MS = 200;

/**
 * Joins a socket to a stream while this process is too busy to read what comes bit by bit. Resolves with what the stream got.
 * `endsFirst`: the stream ends its own sending at once, and not when the target has.
 */
async function joinedWhileBusy(
  word: string,
  endsFirst = false,
): Promise<{ bytes: number; ended: boolean; error: string | undefined }> {
  const target = spawn(process.execPath, ['-e', TARGET], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(target.stdout, 'data')) as [Buffer];
    const socket = connect({ host: '127.0.0.1', port: Number(line.toString()), allowHalfOpen: true });
    await once(socket, 'connect');
    const got = { bytes: 0, ended: false, error: undefined as string | undefined };
    const stream = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _encoding, done) => {
        got.bytes += bytes.length;
        done();
      },
      final: (done) => {
        got.ended = true;
        if (!endsFirst) stream.push(null);
        done();
      },
    });
    stream.on('error', () => {});
    const joined = join(stream, socket);
    socket.write(word);
    if (endsFirst) stream.push(null);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    await joined.catch((error: NodeJS.ErrnoException) => {
      got.error = error.code;
    });
    return got;
  } finally {
    target.kill('SIGKILL');
  }
}

describe('a socket joined to a stream', () => {
  it('is an error when it is reset together with its last data, and not an end', async () => {
    expect(await joinedWhileBusy('reset')).toMatchObject({ ended: false, error: 'ECONNRESET' });
  });

  it('ends the stream when it ends after this end has ended its own side', async () => {
    expect(await joinedWhileBusy('end', true)).toEqual({ bytes: 1000, ended: true, error: undefined });
  });

  it('ends the stream when it ends together with its last data', async () => {
    expect(await joinedWhileBusy('end')).toEqual({ bytes: 1000, ended: true, error: undefined });
  });
});
