import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningServer } from '../../src/server/server.js';
import { type RunningCommand, runCommand, startCommand } from './command.js';
import { startTestServer } from './servers/server.js';

const TOKEN = 'an-administrator-of-tests';

/** The files under a folder whose names end like this. */
function globFiles(under: string, end: string): string[] {
  const names = readdirSync(under, { recursive: true }).map(String);
  return names.filter((name) => name.endsWith(end)).map((name) => join(under, name));
}

describe('the command line at a server that wants to know who calls', () => {
  let server: RunningServer;
  let folder: string;
  let echo: Server;
  let port: number;
  let agent: RunningCommand;

  const at = () => ['--server', server.addresses.grpc];
  const admin = (...args: string[]) => runCommand([...args, ...at(), '--admin-token', TOKEN]);
  /** Binds the key that is kept under a name, and approves it. */
  async function approve(name: string, ...flags: string[]): Promise<string> {
    const { out } = await runCommand(['key', 'show', ...at(), '--name', name, '--json']);
    const { instanceUuid, publicKey } = JSON.parse(out);
    expect((await admin('identity', 'bind', instanceUuid, publicKey)).status).toBe(0);
    const approved = await admin('identity', 'approve', instanceUuid, ...flags);
    expect(approved).toMatchObject({ status: 0, err: '' });
    return instanceUuid;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cli-required-'));
    server = await startTestServer({ 'admin-token': TOKEN, auth: 'required' });
    echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => echo.once('listening', resolve));
    port = (echo.address() as { port: number }).port;
    const refused = await runCommand(['join', ...at(), '--name', 'boat-7', '--port', String(port)]);
    expect(refused).toMatchObject({ status: 1, err: expect.stringContaining('(AUTH_REQUIRED)') });
    await approve('boat-7', '--role', 'agent', '--name', 'boat-7', '--label', 'site=Kiel');
    agent = startCommand(['join', ...at(), '--name', 'boat-7', '--port', String(port)]);
    await agent.printed(/joined as/);
  });
  afterAll(async () => {
    agent.interrupt();
    await agent.ended;
    echo.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('connect reaches an agent once its key is approved as a client, and says before what is missing', async () => {
    const input = new PassThrough();
    const refused = await runCommand(['connect', ...at(), 'boat-7', String(port)], { input });
    expect(refused).toMatchObject({ status: 1, err: expect.stringContaining('is not known here') });
    await approve('connect', '--role', 'client', '--name', 'anna');
    const output = new PassThrough();
    const sent = new PassThrough();
    const connecting = startCommand(['connect', ...at(), 'boat-7', String(port)], { input: sent, output });
    sent.end('hello');
    let got = '';
    output.setEncoding('utf8').on('data', (chunk: string) => {
      got += chunk;
    });
    expect(await connecting.ended).toMatchObject({ status: 0 });
    expect(got).toBe('hello');
  });

  it('forward reaches it as well', async () => {
    const forwarding = startCommand(['forward', ...at(), '0', 'boat-7', String(port)]);
    const [, local] = /127\.0\.0\.1:(\d+)/.exec(await forwarding.printed(/forwarding .*\n/))!;
    const socket = connect(Number(local), '127.0.0.1');
    socket.end('hello');
    let got = '';
    for await (const chunk of socket.setEncoding('utf8')) got += chunk;
    expect(got).toBe('hello');
    forwarding.interrupt();
    await forwarding.ended;
  });

  it('whoami says as whom the server knows the key of this machine', async () => {
    expect((await runCommand(['whoami', ...at()])).out).toMatch(/name +anna\nroles +client\n/);
    const boat = JSON.parse((await runCommand(['whoami', ...at(), '--name', 'boat-7', '--json'])).out);
    expect(boat).toMatchObject({ name: 'boat-7', roles: ['agent'], mode: 'required', administrator: false });
    expect((await admin('whoami')).out).toContain('the administrator');
    expect(await runCommand(['whoami', ...at(), '--name', 'nobody'])).toMatchObject({
      status: 1,
      err: expect.stringContaining('knows no key'),
    });
  });

  it('nodes and sessions are read as the person whose key is kept, or as an administrator', async () => {
    expect(await runCommand(['nodes', ...at()])).toMatchObject({ status: 0, out: expect.stringContaining('boat-7') });
    expect(await admin('sessions')).toMatchObject({ status: 0, out: expect.stringContaining('boat-7') });
    const stranger = await runCommand(['nodes', ...at()], { home: folder });
    expect(stranger).toMatchObject({ status: 1, err: expect.stringContaining('AUTH_REQUIRED') });
  });

  it('login keeps an access token beside the key, which commands use and renew until logout', async () => {
    const own = join(folder, 'laptop');
    const onLaptop = (...args: string[]) => runCommand([...args, ...at()], { home: own });
    expect(await onLaptop('login')).toMatchObject({ status: 1, err: expect.stringContaining('--ticket-file') });
    const issued = await admin('ticket', 'issue', '--role', 'observer', '--kind', 'person', '--json');
    const ticket = join(folder, 'ticket.txt');
    writeFileSync(ticket, JSON.parse(issued.out).text, { mode: 0o600 });
    const first = await runCommand(['login', ...at(), '--ticket-file', ticket, '--name', 'berta'], { home: own });
    expect(first).toMatchObject({ status: 0, out: expect.stringMatching(/^logged in as berta \(.*: observer/) });
    const [access] = globFiles(own, '.access');
    expect(statSync(access).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(readFileSync(access, 'utf8'));
    expect(kept.accessToken).toMatch(/^swa1_/);
    // Without its key it can only be the token that lets it in.
    const key = access.replace(/\.access$/, '');
    renameSync(key, `${key}.away`);
    expect(await onLaptop('sessions')).toMatchObject({ status: 0, out: expect.stringContaining('boat-7') });
    // The same for what strangers are not told.
    expect((await onLaptop('status')).out).toContain('revision');
    renameSync(`${key}.away`, key);
    const stranger = await runCommand(['status', ...at()], { home: join(folder, 'nobody') });
    expect(stranger.out).not.toMatch(/\d of [0-9a-f]/);
    // One that the server does not know, as after its restart, is renewed.
    writeFileSync(access, JSON.stringify({ ...kept, accessToken: `swa1_${'x'.repeat(32)}` }));
    expect(await onLaptop('sessions')).toMatchObject({ status: 0, out: expect.stringContaining('boat-7') });
    expect(JSON.parse(readFileSync(access, 'utf8')).accessToken).not.toContain('xxxx');
    // It is sent to no other server.
    writeFileSync(access, JSON.stringify({ ...kept, server: '127.0.0.1:1' }));
    expect(await onLaptop('sessions')).toMatchObject({ status: 0 });
    expect((await onLaptop('logout')).out).toBe('logged out; the key stays\n');
    expect(globFiles(own, '.access')).toEqual([]);
    expect((await onLaptop('logout')).out).toBe('nobody was logged in\n');
  });

  it('two forwards of one person run side by side, each in a session of its own', async () => {
    const own = join(folder, 'desk');
    const issued = await admin('ticket', 'issue', '--role', 'client', '--kind', 'person', '--json');
    const input = Readable.from([JSON.parse(issued.out).text]);
    const enrolled = ['enroll', ...at(), '--ticket-file', '-', '--name', 'clara', '--json'];
    const { instanceUuid: uuid } = JSON.parse((await runCommand(enrolled, { home: own, input })).out);
    const forward = () => startCommand(['forward', ...at(), '0', 'boat-7', String(port)], { home: own });
    const both = [forward(), forward()];
    const locals = await Promise.all(both.map((one) => one.printed(/forwarding .*\n/)));
    for (const printed of locals) {
      const socket = connect(Number(/127\.0\.0\.1:(\d+)/.exec(printed)![1]), '127.0.0.1');
      socket.end('hello');
      expect(await text(socket)).toBe('hello');
    }
    const shown = await admin('identity', 'show', uuid, '--json');
    expect(JSON.parse(shown.out).cvids).toHaveLength(2);
    for (const one of both) one.interrupt();
    await Promise.all(both.map((one) => one.ended));
  });

  it('identity approve refuses what is no role, and nothing at all', async () => {
    const uuid = '00000000-0000-4000-8000-0000000000c1';
    expect(await admin('identity', 'approve', uuid, '--role', 'agnet')).toMatchObject({
      status: 1,
      err: expect.stringContaining('"agnet" is not a role; agent, client, observer, operator, admin are'),
    });
    expect(await admin('identity', 'approve', uuid)).toMatchObject({ status: 2 });
    expect(await admin('identity', 'approve', uuid, '--role', 'agent')).toMatchObject({
      status: 1,
      err: expect.stringContaining('no identity'),
    });
  });

  it('policy shows, tests, applies and explains', async () => {
    expect((await admin('policy', 'show')).out).toContain('"auth": "required"');
    const path = join(folder, 'policy.json');
    const policy = {
      auth: 'required',
      grants: [{ from: ['name:anna'], to: ['label:site=Kiel'], may: ['connection.ask'] }],
      tests: [{ from: { name: 'anna' }, may: 'connection.ask', to: { labels: { site: 'Oslo' } }, expect: 'allow' }],
    };
    const put = (...args: string[]) =>
      runCommand(['policy', ...args, ...at(), '--admin-token', TOKEN], { readFile: () => JSON.stringify(policy) });
    writeFileSync(path, '');
    expect(await put('apply', path)).toMatchObject({
      status: 1,
      err: expect.stringContaining('tests[0]: expects allow of connection.ask, and the policy says deny'),
    });
    policy.tests[0].expect = 'deny';
    expect(await put('test', path)).toMatchObject({ status: 0, out: expect.stringContaining('its tests pass') });
    expect((await admin('policy', 'show')).out).toContain('role:client');
    expect(await put('apply', path)).toMatchObject({ status: 0, out: expect.stringContaining('required') });
    const why = await admin('policy', 'explain', 'anna', 'connection.ask', 'boat-7');
    expect(why.out).toBe('yes: grants[0] lets name:anna do this with label:site=Kiel\n');
    expect((await admin('policy', 'explain', 'anna', 'stream.create', 'boat-7')).out).toContain('no: ');
    expect((await admin('policy', 'explain', 'boat-7', 'graph.read')).out).toBe(
      'no: no role of the identity has graph.read\n',
    );
  });
});
