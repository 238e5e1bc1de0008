import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { GrpcFrom } from '../grpc/from.js';
import { agent } from '../grpc/running.js';
import { dial } from './tools/clients-from.js';
import { Target } from './tools/target.js';

/** Descriptors that are left to the server once it runs. */
const LEFT = 8;
/** More than fit, so that some are closed at once. */
const CONNECTIONS = 40;
/** Twice what passes between two looks, on a machine that is busy. */
const SEEN_MS = 10_000;
const PAGE = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };

describe('A server without a file descriptor left', () => {
  let target: Target;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await target.stop();
  });

  it('says so in its log some times, serves those who are there, and takes others when some have gone', async () => {
    target = await Target.start('--log-level', 'warn');
    const client = await GrpcFrom.connect('127.0.0.1', target.address);
    await client.get(Sessions.session, agent(1));
    const before = target.openFiles();
    target.limitFiles(before + LEFT);
    for (let opened = 0; opened < CONNECTIONS; opened++) {
      sockets.push((await dial({ address: '127.0.0.2' }, target.address)).resume());
    }
    const reports = () => target.log.match(/no file descriptors are left/g)?.length ?? 0;
    for (const endMs = performance.now() + SEEN_MS; reports() === 0 && performance.now() < endMs; ) await wait(20);
    expect(reports()).toBe(1);
    for (let call = 0; call < 10; call++) await client.get(Sessions.listSessions, PAGE);
    for (const socket of sockets.splice(0)) socket.destroy();
    while (target.openFiles() > before) await wait(20);
    for (let served = 0; served < 10; served++) {
      const newcomer = await GrpcFrom.connect('127.0.0.3', target.address);
      await newcomer.get(Sessions.listSessions, PAGE);
      await newcomer.close();
    }
    // Looks are more often than lines.
    expect(reports()).toBeLessThanOrEqual(2);
    await client.close();
  }, 60_000);

  it('is made by prlimit, which this test needs', () => {
    expect(spawnSync('prlimit', ['--version']).status).toBe(0);
  });
});
