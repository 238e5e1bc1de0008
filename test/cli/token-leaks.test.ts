import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { Switchyard } from '../../src/client/index.js';
import { EMPTY } from '../abuse/tools/openings.js';
import * as raw from '../abuse/tools/raw.js';
import { Program, startServerProcess } from './process.js';

/** A token with a character that metadata cannot have. */
const SECRET = 'this-is-a-secret-\xff';
const VISIBLE = SECRET.slice(0, -1);
const NAMES = ['switchyard-session', 'switchyard-admin', 'switchyard-access'];

const started: Program[] = [];
let server: Http2Server | undefined;
afterEach(async () => {
  for (const program of started.splice(0)) await program.stop('SIGKILL');
  server?.close();
  server = undefined;
});

describe('a token with an illegal character', () => {
  it.each(NAMES)('is not printed by a server that is sent it as %s, which serves the next call', async (name) => {
    const { program, address } = await startServerProcess(['--data', ':memory:', '--listen', '127.0.0.1:0']);
    started.push(program);
    const connection = await raw.RawConnection.dial(address);
    await connection.write(raw.preface());
    await connection.call(1, Sessions.listSessions.path, EMPTY, { [name]: SECRET });
    await connection.call(3, Sessions.listSessions.path, EMPTY);
    while (connection.isOpen && !(connection.answered.has(1) && connection.answered.has(3))) await connection.heard();
    connection.destroy();
    expect(connection.answered).toEqual(new Set([1, 3]));
    await program.stop('SIGTERM');
    expect(program.out + program.err).not.toContain(VISIBLE);
  });

  it('is not printed by a command that a server answers with it', async () => {
    server = createServer();
    const answered: string[] = [];
    server.on('stream', (stream, headers) => {
      answered.push(headers[':path'] ?? '');
      stream.respond({
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': '12',
        'switchyard-session': SECRET,
      });
      stream.end();
    });
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const command = new Program(['nodes', '--server', `127.0.0.1:${port}`]);
    started.push(command);
    expect(await command.ended()).not.toBe(0);
    expect(answered.length).toBeGreaterThan(0);
    expect(command.err).not.toBe('');
    expect(command.out + command.err).not.toContain(VISIBLE);
  });

  it('is not said by a client that is to send it, which names the metadata', async () => {
    const network = new Switchyard({ server: '127.0.0.1:1', adminToken: SECRET });
    const error = await network.getServer().catch((reason: unknown) => reason);
    network.close();
    expect(String(error)).toContain('switchyard-admin has characters other than printable ASCII');
    expect(String(error)).not.toContain(VISIBLE);
  });
});
