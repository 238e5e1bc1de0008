import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningCommand, startCommand } from '../cli/command.js';
import { Program } from '../cli/process.js';
import { type Running, run } from '../grpc/running.js';

// frp #1377, chisel #89: a tunnel whose other end had restarted refused every connection until it was restarted itself.

let at: Running;
let target: Server;
let open: string;
const commands: RunningCommand[] = [];
const programs: Program[] = [];

beforeAll(async () => {
  at = await run();
  target = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await once(target.listen(0, 'localhost'), 'listening');
  open = String((target.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const command of commands) command.interrupt();
  await Promise.all(commands.splice(0).map(({ ended }) => ended));
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
});
afterAll(async () => {
  target.close();
  await at.stop();
});

function start(...args: string[]): RunningCommand {
  const command = startCommand([args[0]!, '--server', at.address, ...args.slice(1)]);
  commands.push(command);
  return command;
}

async function joined(...who: string[]): Promise<{ readonly sid: string; leave(): Promise<unknown> }> {
  const command = start('join', '--port', open, ...who);
  const [, sid] = /joined as (\d+)/.exec(await command.printed(/joined as \d+/))!;
  return {
    sid: sid!,
    leave: () => {
      command.interrupt();
      return command.ended;
    },
  };
}

async function forwarding(...args: string[]): Promise<{ readonly forward: RunningCommand; readonly port: number }> {
  const forward = start('forward', '0', ...args, open);
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forward.printed(/forwarding .*\n/))!;
  return { forward, port: Number(port) };
}

/** What comes back through the forward; rejects when the local connection is reset. */
async function echoed(port: number, words: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.end(words);
  return text(socket);
}

describe('switchyard forward', () => {
  it('finds a peer that left and joined again by its name, and says which node it is', async () => {
    const first = await joined('--name', 'harbour');
    const { forward, port } = await forwarding('harbour');
    expect(await echoed(port, 'before')).toBe('before');
    await first.leave();
    await expect(echoed(port, 'between')).rejects.toThrow('ECONNRESET');
    const second = await joined('--name', 'harbour');
    expect(await Promise.all(['one', 'two', 'three'].map((words) => echoed(port, words)))).toEqual([
      'one',
      'two',
      'three',
    ]);
    expect(await forward.said(/restarted/)).toContain(`harbour has restarted: it is ${second.sid} now\n`);
  });

  it('finds a peer that joined again by its UUID', async () => {
    const uuid = randomUUID();
    const first = await joined('--uuid', uuid);
    const { forward, port } = await forwarding(uuid);
    expect(await echoed(port, 'before')).toBe('before');
    await first.leave();
    const second = await joined('--uuid', uuid);
    expect(await echoed(port, 'after')).toBe('after');
    expect(await forward.said(/restarted/)).toContain(`${uuid} has restarted: it is ${second.sid} now\n`);
  });

  it('finds a peer that was killed and started again under its name while its old node is still there', async () => {
    const killed = new Program(['join', '--server', at.address, '--name', 'killed', '--port', open]);
    programs.push(killed);
    await killed.printed(/joined as \d+/);
    const { port } = await forwarding('killed');
    expect(await echoed(port, 'before')).toBe('before');
    await killed.stop('SIGKILL');
    await joined('--name', 'killed');
    expect(await echoed(port, 'after')).toBe('after');
  });

  it('ends with status 1 and says why when its peer is gone and --exit-on-failure is given', async () => {
    const peer = await joined('--name', 'once');
    const { forward, port } = await forwarding('--exit-on-failure', 'once');
    expect(await echoed(port, 'before')).toBe('before');
    await peer.leave();
    await expect(echoed(port, 'after')).rejects.toThrow('ECONNRESET');
    const { status, err } = await forward.ended;
    expect({ status, lines: err.split('\n').length }).toEqual({ status: 1, lines: 3 });
  });
});
