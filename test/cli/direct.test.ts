import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quietPort } from '../../harness/port.js';
import { ADMIN_TOKEN, type Running, run } from '../grpc/running.js';
import { type RunningCommand, runCommand, startCommand } from './command.js';

let at: Running;
let shouting: Server;
let open: number;
let joined: RunningCommand;
let cvid: string;

beforeAll(async () => {
  at = await run();
  // Says everything back in capitals once it has heard all.
  shouting = createServer({ allowHalfOpen: true }, (socket) => {
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('end', () => socket.end(heard.toUpperCase()));
  });
  await once(shouting.listen(0, 'localhost'), 'listening');
  open = (shouting.address() as AddressInfo).port;
  joined = startCommand(['join', '--server', at.address, '--name', 'harbour', '--port', String(open)]);
  [, cvid] = /joined as (\d+)/.exec(await joined.printed(/joined as \d+/))!;
});
afterAll(async () => {
  joined.interrupt();
  expect((await joined.ended).status).toBe(130);
  shouting.close();
  await at.stop();
});

describe('switchyard connect', () => {
  it.each([
    [[], 'through the server: see switchyard connections'],
    [['--udp'], 'through the server: see switchyard connections'],
    [['--fallback', 'late'], 'directly'],
    [['--fallback', 'none', '--udp'], 'directly'],
  ])('passes its input to a port of a peer, and the answer to its output (%s)', async (flags, way) => {
    const output = new PassThrough();
    const said = text(output);
    const input = Readable.from([Buffer.from('hello there')]);
    const args = ['connect', '--server', at.address, '-v', ...flags, 'harbour', String(open)];
    const { status, err } = await runCommand(args, { input, output });
    output.end();
    expect({ status, said: await said }).toEqual({ status: 0, said: 'HELLO THERE' });
    expect(err.replace(/^c\d+: directly from now on\n/m, '')).toMatch(
      new RegExp(`^c\\d+: connected to \\d+ ${way}\n$`),
    );
  });

  it('is dialled where it listens', async () => {
    const port = await quietPort('0.0.0.0');
    const output = new PassThrough();
    const said = text(output);
    const own = ['-v', '--fallback', 'late', '--listen', String(port)];
    const args = ['connect', '--server', at.address, ...own, 'harbour', String(open)];
    const { status, err } = await runCommand(args, { input: Readable.from([Buffer.from('hello there')]), output });
    output.end();
    expect({ status, said: await said }).toEqual({ status: 0, said: 'HELLO THERE' });
    const [, id] = /^(c\d+): connected to \d+ directly\n$/.exec(err)!;
    const asAdmin = ['--server', at.address, '--admin-token', ADMIN_TOKEN];
    const { out } = await runCommand(['connections', ...asAdmin, id!]);
    expect(out).toMatch(new RegExp(`\\d+ listened at 127.0.0.1:${port}, and ${cvid} was to dial it`));
  });

  it('says why not: a port that is not open, one where nobody listens, and nobody of that name', async () => {
    const port = async (who: string, number: string) => {
      const { status, err } = await runCommand(['connect', '--server', at.address, who, number]);
      return { status, err };
    };
    expect(await port(cvid, '1')).toEqual({ status: 1, err: 'the peer says: port 1 is not open to you\n' });
    expect((await port('nobody', '1')).status).toBe(2);
  });

  it('refuses a fallback that there is not, and names those that there are', async () => {
    const args = ['connect', '--server', at.address, '--fallback', 'never', 'harbour', String(open)];
    const { status, err } = await runCommand(args);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining('immediate, late, none') });
  });
});

describe('switchyard forward', () => {
  it('passes every connection to a local port on, until it is interrupted', async () => {
    const forward = startCommand(['forward', '--server', at.address, '0', 'harbour', String(open)]);
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(await forward.printed(/forwarding .*\n/))!;
    try {
      const answers = ['one', 'two'].map(async (word) => {
        // By address: Node never ends what was ended before it connected when a name has a second address.
        const socket = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
        socket.end(word);
        return text(socket);
      });
      expect(await Promise.all(answers)).toEqual(['ONE', 'TWO']);
    } finally {
      forward.interrupt();
    }
    expect((await forward.ended).status).toBe(130);
  });
});

describe('switchyard connections', () => {
  it('lists them for an administrator, and tells the story of one', async () => {
    const own = ['connect', '--server', at.address, '--fallback', 'late', 'harbour', String(open)];
    await runCommand(own, { input: Readable.from([Buffer.from('hello there')]), output: new PassThrough().resume() });
    const asAdmin = ['--server', at.address, '--admin-token', ADMIN_TOKEN];
    const { out } = await runCommand(['connections', ...asAdmin]);
    expect(out).toMatch(/^ID +CALLER +PEER +TYPE +STATE/);
    const [, id] = /^(c\d+) .* transport_tcp +cancelled +1 .*closed by session \d+$/m.exec(out)!;
    const story = (await runCommand(['connections', ...asAdmin, id!])).out;
    expect(story).toContain(`${cvid} may be reached at `);
    expect(story).toMatch(/attempt 1 after \S+: connected/);
    expect(story).toContain(': connected\n');
    const [line] = (await runCommand(['connections', ...asAdmin, '--json'])).out.split('\n');
    expect(JSON.parse(line!)).toMatchObject({ peerCvid: Number(cvid), attempts: [{ number: 1 }] });
  });

  it('is not for everybody', async () => {
    const { status, err } = await runCommand(['connections', '--server', at.address]);
    expect(status).toBe(1);
    expect(err).toContain("This needs the administrator's token");
  });
});
