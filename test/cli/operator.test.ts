import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Networks } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { ADMIN_TOKEN, agent, asAdmin, ask, type Running, run } from '../grpc/running.js';
import { type RunningCommand, runCommand, startCommand } from './command.js';

let at: Running;
let server: string[];
let admin: string[];
let joined: RunningCommand | undefined;

beforeAll(async () => {
  at = await run({ 'attempts-per-connection-max': '1' });
  server = ['--server', at.address];
  admin = [...server, '--admin-token', ADMIN_TOKEN];
});
afterEach(async () => {
  joined?.interrupt();
  await joined?.ended;
  joined = undefined;
});
afterAll(() => at.stop());

async function joins(name: string): Promise<string> {
  joined = startCommand(['join', ...server, '--name', name, '--port', '1']);
  const [, cvid] = /joined as (\d+)/.exec(await joined.printed(/joined as \d+/))!;
  return cvid!;
}

describe('switchyard terminate', () => {
  it('ends the session of a name, a SID or a UUID when --yes is given', async () => {
    const one = { ...agent(1), name: 'roof' };
    for (const who of ['roof', 'sid', one.instanceUuid]) {
      const { instanceSid } = await ask(at, Sessions.session, one);
      const named = who === 'sid' ? String(instanceSid) : who;
      const { status, out, err } = await runCommand(['terminate', ...admin, '--yes', named]);
      expect({ status, out, err }).toEqual({
        status: 0,
        out: `session ${instanceSid} of roof is terminated\n`,
        err: '',
      });
      await expect(ask(at, Sessions.getSession, { cvid: instanceSid })).rejects.toThrow('no session');
    }
  });

  it('prints one JSON object with --json, and refuses the server itself and whom it cannot find', async () => {
    const { instanceSid } = await ask(at, Sessions.session, agent(2));
    const { out } = await runCommand(['terminate', ...admin, '--yes', '--json', String(instanceSid)]);
    expect(JSON.parse(out)).toMatchObject({ cvid: instanceSid, instanceUuid: agent(2).instanceUuid });
    expect(await runCommand(['terminate', ...admin, '--yes', '257'])).toMatchObject({ status: 2, out: '' });
    expect(await runCommand(['terminate', ...admin, '--yes', 'nobody'])).toMatchObject({ status: 2, out: '' });
  });

  it('asks once, and does nothing unless the answer is yes', async () => {
    const { instanceSid } = await ask(at, Sessions.session, agent(3));
    const sid = String(instanceSid);
    const answering = (text: string) =>
      runCommand(['terminate', ...admin, sid], { columns: 100, input: Readable.from([text]) });
    const no = await answering('no\n');
    expect(no).toMatchObject({ status: 1, out: '' });
    expect(no.err).toMatch(new RegExp(`Terminate session ${sid} of .*\\? \\[y/N\\]\n.*nothing was terminated`));
    expect((await answering('')).status).toBe(1);
    await ask(at, Sessions.getSession, { cvid: instanceSid });
    expect(await answering('yes\n')).toMatchObject({ status: 0, out: expect.stringContaining('is terminated') });
  });

  it('is told to give --yes where nobody can be asked, and needs the administrator', async () => {
    const { instanceSid } = await ask(at, Sessions.session, agent(4));
    const sid = String(instanceSid);
    expect(await runCommand(['terminate', ...admin, sid])).toEqual({
      status: 2,
      out: '',
      err: 'nobody is there to be asked: give --yes\n',
    });
    const { status, err } = await runCommand(['terminate', ...server, '--yes', sid]);
    expect(status).toBe(1);
    expect(err).toContain("needs the administrator's token");
    await ask(at, Sessions.getSession, { cvid: instanceSid });
  });
});

describe('switchyard ping', () => {
  it('measures the round trip directly and through the server', async () => {
    const cvid = await joins('mill');
    const { status, out, err } = await runCommand(['ping', ...server, 'mill', '--count', '3']);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const times = String.raw`\d+\.\d / \d+\.\d / \d+\.\d ms \(least / median / most of 3\)`;
    expect(out).toMatch(
      new RegExp(`^mill \\(${cvid}\\) directly: ${times}\nmill \\(${cvid}\\) through the server: ${times}\n$`),
    );
  });

  it('prints one JSON object for each way with --json', async () => {
    const cvid = await joins('mill');
    const { out } = await runCommand(['ping', ...server, '--json', '--count', '2', cvid]);
    const ways = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(ways).toMatchObject([
      { cvid: Number(cvid), way: 'direct', count: 2 },
      { cvid: Number(cvid), way: 'relayed', count: 2 },
    ]);
    expect(ways[0].roundTripsMs).toHaveLength(2);
    // What is to go through the server has not waited for attempts at a direct path to fail.
    const { connection } = await ask(at, Networks.getConnection, { connectionId: ways[1].connectionId }, asAdmin());
    expect(connection?.attempts).toEqual([]);
  });

  it('says why not for an instance that takes no connections', async () => {
    const { instanceSid } = await ask(at, Sessions.session, agent(5));
    const { status, out, err } = await runCommand(['ping', ...server, String(instanceSid)]);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toContain('(NOT_ATTACHED)\nSee: switchyard explain NOT_ATTACHED\n');
  });
});

describe('switchyard netcheck', () => {
  it('says that a server on this machine tells nothing of NATs', async () => {
    const { status, out } = await runCommand(['netcheck', ...server]);
    expect(status).toBe(0);
    expect(out).toMatch(
      /^udp +the server is on this machine: no router was asked\n +127\.0\.0\.1:\d+ sees 127\.0\.0\.1:\d+ \(/,
    );
    expect(out).toMatch(/^tcp +the server is on this machine/m);
    expect(out).toMatch(/^so +run this on another machine/m);
    const json = JSON.parse((await runCommand(['netcheck', ...server, '--json'])).out);
    expect(json).toMatchObject({
      views: [
        { transport: 'udp', mapping: 'local' },
        { transport: 'tcp', mapping: 'local' },
      ],
    });
  });

  it('refuses a STUN port that is none', async () => {
    expect(await runCommand(['netcheck', ...server, '--stun', 'here'])).toMatchObject({
      status: 2,
      err: expect.stringMatching(/^--stun: "here" must be HOST:PORT/),
    });
  });
});

describe('switchyard explain', () => {
  it('says what a reason means and what to do, by its name in any case or its number', async () => {
    const { status, out } = await runCommand(['explain', 'not_attached']);
    expect(status).toBe(0);
    expect(out).toMatch(
      /^NOT_ATTACHED \(50, FAILED_PRECONDITION\)\n\nThe target has no attachment.*\nWhat to do: wait/,
    );
    expect((await runCommand(['explain', '50'])).out).toBe(out);
    expect(JSON.parse((await runCommand(['explain', 'NOT_ATTACHED', '--json'])).out)).toMatchObject({ number: 50 });
  });

  it('lists all of them without a name, and refuses what is none', async () => {
    const { out } = await runCommand(['explain']);
    expect(out.trim().split('\n').length).toBeGreaterThan(50);
    expect(await runCommand(['explain', 'NOPE'])).toMatchObject({ status: 2, out: '' });
  });
});
