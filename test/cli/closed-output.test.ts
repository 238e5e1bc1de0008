import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { quietPort } from '../../harness/port.js';
import { asAdmin, ask, type Running, run } from '../grpc/running.js';
import { Program } from './process.js';

// `switchyard serve | true`: what reads the standard output has gone before anything is printed, or goes later.

// Processes are started here.
jest.setTimeout(120_000);

/** How often it is looked again. */
const LOOK_MS = 50;

let programs: Program[] = [];
function program(args: readonly string[]): Program {
  const made = new Program(args);
  programs.push(made);
  return made;
}
afterEach(async () => {
  for (const one of programs) await one.stop('SIGKILL');
  programs = [];
});

/** The same, and nothing reads what it prints. */
function unread(args: readonly string[]): Program {
  const made = program(args);
  made.process.stdout!.destroy();
  return made;
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await wait(LOOK_MS);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('a server whose standard output is closed', () => {
  it.each([[[]], [['--json']]])('serves on, until it is told to stop %j', async (flags) => {
    const port = await quietPort();
    const at = ['--listen', `127.0.0.1:${port}`, '--rendezvous-listen', '127.0.0.1:0'];
    const serve = unread(['serve', '--data', ':memory:', ...at, ...flags]);
    await until(() => serve.err.includes('"listening"'));
    // What comes of the write comes after it.
    await wait(300);
    const nodes = program(['nodes', '--server', `127.0.0.1:${port}`, '--json']);
    expect(await nodes.ended()).toBe(0);
    expect(await serve.stop('SIGTERM')).toBe(0);
    expect(serve.err).not.toContain('EPIPE');
  });
});

describe('a command on the network whose standard output is closed', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run();
  });
  afterAll(() => at.stop());

  const names = async () => {
    const page = { pageSize: 100, pageToken: '', instanceType: 0, instanceUuid: '' };
    const { sessions } = await ask(at, Sessions.listSessions, page, asAdmin());
    return sessions.map(({ name }) => name);
  };

  it('stays on the network with join, and leaves it when it is told to', async () => {
    const join = unread(['join', '--server', at.address, '--name', 'quiet', '--port', '9']);
    await until(async () => (await names()).includes('quiet'));
    await wait(300);
    expect(await Promise.race([join.ended(), wait(200).then(() => 'it goes on')])).toBe('it goes on');
    expect(await join.stop('SIGTERM')).toBe(0);
    expect(await names()).not.toContain('quiet');
  });

  it('passes connections on with forward', async () => {
    program(['join', '--server', at.address, '--name', 'target', '--port', '9']);
    await until(async () => (await names()).includes('target'));
    const port = await quietPort();
    const forward = unread(['forward', String(port), 'target', '9', '--server', at.address]);
    await until(() => isListening(port));
    await wait(300);
    expect(await Promise.race([forward.ended(), wait(200).then(() => 'it goes on')])).toBe('it goes on');
    expect(await forward.stop('SIGTERM')).toBe(0);
  });

  it('ends with status 0 where all that it does is to print', async () => {
    const watch = program(['watch', '--server', at.address]);
    await watch.printed(/at revision/);
    watch.process.stdout!.destroy();
    const join = program(['join', '--server', at.address, '--name', 'news', '--port', '9']);
    expect(await watch.ended()).toBe(0);
    await join.stop('SIGTERM');
  });
});
