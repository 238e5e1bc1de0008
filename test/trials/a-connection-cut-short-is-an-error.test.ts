import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { runCommand, startCommand } from '../cli/command.js';
import { Program } from '../cli/process.js';
import { BlindChannel } from '../client/worlds/blind-channel.js';
import { movedToDirect } from '../client/worlds/moved.js';
import { type Running, run } from '../grpc/running.js';

// frp #3789, chisel #221, OpenSSH bug 1424: a transfer that was cut in the middle ended as if it were whole.

const CHUNK = Buffer.alloc(65_536, 7);

let at: Running;
let target: Server;
let open: number;
/** What the target does with a connection. */
let serve: (socket: Socket) => void;
const programs: Program[] = [];

beforeAll(async () => {
  // Through the server a killed process is known to be gone when its session is over.
  at = await run({ 'attempts-per-connection-max': '1', 'session-ttl': '5s', grace: '1s' });
  target = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  await once(target.listen(0, 'localhost'), 'listening');
  open = (target.address() as AddressInfo).port;
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
});
afterAll(async () => {
  target.close();
  await at.stop();
});

/** `switchyard join` as a process of its own, so that it can be killed. */
async function joinProcess(name: string): Promise<Program> {
  const program = new Program(['join', '--server', at.address, '--name', name, '--port', String(open)]);
  programs.push(program);
  await program.printed(/joined as \d+/);
  return program;
}

/** Sends without end, as fast as it is read. */
function sendOn(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write(CHUNK));
  };
  socket.on('drain', more);
  more();
}

/** Resolves when so many bytes have come. */
function received(output: Readable, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    output.on('data', (chunk: Buffer) => {
      count += chunk.length;
      if (count >= bytes) resolve();
    });
  });
}

describe('switchyard connect', () => {
  it('fails and says why when the joined process is killed in the middle', async () => {
    serve = sendOn;
    const joined = await joinProcess('killed');
    const output = new PassThrough();
    const input = new PassThrough();
    const begun = received(output, 1 << 20);
    const connecting = startCommand(['connect', '--server', at.address, 'killed', String(open)], {
      input,
      output,
    });
    await begun;
    await joined.stop('SIGKILL');
    const { status, err } = await connecting.ended;
    expect(status).toBe(1);
    expect(err).toMatch(/^.+\n$/);
  });

  it.each([[[]], [['--udp']]])(
    'fails and says why when the target resets its connection in the middle (%s)',
    async (flags: string[]) => {
      let reset = () => {};
      serve = (socket) => {
        sendOn(socket);
        reset = () => socket.resetAndDestroy();
      };
      const name = `reset${flags.length}`;
      const joined = startCommand(['join', '--server', at.address, '--name', name, '--port', String(open)]);
      await joined.printed(/joined as/);
      const output = new PassThrough();
      const begun = received(output, 1 << 20);
      const input = new PassThrough();
      const connecting = startCommand(['connect', ...flags, '--server', at.address, name, String(open)], {
        input,
        output,
      });
      await begun;
      reset();
      const { status, err } = await connecting.ended;
      joined.interrupt();
      await joined.ended;
      expect(status).toBe(1);
      expect(err).toMatch(/^.+\n$/);
    },
  );

  it('fails and says why when its input fails, and the target is reset', async () => {
    let heard: 'end' | 'error' | undefined;
    const over = new Promise<void>((resolve) => {
      serve = (socket) => {
        socket.resume().once('end', () => (heard ??= 'end'));
        socket.once('error', () => (heard ??= 'error')).once('close', () => resolve());
      };
    });
    const joined = startCommand(['join', '--server', at.address, '--name', 'reading', '--port', String(open)]);
    await joined.printed(/joined as/);
    const input = new Readable({
      read() {
        this.push('half of it');
        this.destroy(new Error('the disk is gone'));
      },
    });
    const args = ['connect', '--server', at.address, 'reading', String(open)];
    const { status, err } = await runCommand(args, { input, output: new PassThrough() });
    await over;
    joined.interrupt();
    await joined.ended;
    expect({ status, err, heard }).toEqual({
      status: 1,
      err: 'the connection broke: the disk is gone\n',
      heard: 'error',
    });
  });
});

describe('switchyard forward', () => {
  it('resets the local connection, and never ends it, when the way to the target breaks in the middle', async () => {
    serve = sendOn;
    const joined = await joinProcess('forwarded');
    // On a direct path: through the server a killed process is known to be gone when its session is over.
    const own = ['--server', at.address, '--fallback', 'late'];
    const forward = startCommand(['forward', ...own, '0', 'forwarded', String(open)]);
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forward.printed(/forwarding .*\n/))!;
    const socket = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
    let ended = false;
    // Node takes a reset that comes together with data for an end; the system tells them apart when it is asked by a write.
    socket.on('end', () => {
      socket.write(Buffer.alloc(0), (error) => {
        ended = !error;
      });
    });
    await received(socket, 1 << 20);
    const erred = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
    await joined.stop('SIGKILL');
    expect((await erred).code).toBe('ECONNRESET');
    expect(ended).toBe(false);
    await forward.said(/\n/);
    forward.interrupt();
    await forward.ended;
  });

  it('resets the local connection when the peer does not open the port', async () => {
    const joined = startCommand(['join', '--server', at.address, '--name', 'shut', '--port', String(open)]);
    await joined.printed(/joined as/);
    const forward = startCommand(['forward', '--server', at.address, '0', 'shut', '1']);
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forward.printed(/forwarding .*\n/))!;
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    for (const command of [forward, joined]) command.interrupt();
    await Promise.all([forward.ended, joined.ended]);
  });
});

describe.each(['through the server', 'over tcp', 'over udp'])('a connection %s', (way) => {
  it('errs at one end when the other end is destroyed before its data is complete', async () => {
    const channel = new BlindChannel(at.address);
    const isDirect = way !== 'through the server';
    channel.isBlind = !isDirect;
    const yard = new Switchyard({ channel });
    let take: (stream: PeerStream) => void = () => {};
    const taken = new Promise<PeerStream>((resolve) => {
      take = resolve;
    });
    const handlers = { accept: () => true, accepted: take };
    const peer = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
    const caller = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT });
    await caller.attached();
    const transport = way === 'over udp' ? 'udp' : 'tcp';
    const near = await caller.connect((await peer.attached()).cvid, { transport });
    const far = await taken;
    if (isDirect) await movedToDirect(near, far);
    expect(near.path).toBe(isDirect ? 'direct' : 'relayed');
    far.write('half of it');
    await once(near, 'data');
    let ended = false;
    near.on('end', () => {
      ended = true;
    });
    const erred = once(near, 'error');
    far.destroy();
    expect((await erred)[0]).toBeInstanceOf(Error);
    expect(ended).toBe(false);
    await yard.close();
  });
});
