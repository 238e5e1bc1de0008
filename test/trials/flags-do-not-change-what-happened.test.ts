import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../gen/switchyard/v1/stream_service.js';
import { checkFolder } from '../../src/journal/inspect.js';
import { agent, asAdmin, ask, asSession, type Running, run } from '../grpc/running.js';

// etcd #16106: a member whose quota refused what the others had applied counted other revisions from then on.

/** Wide enough not to be met, where a test is about what the core refuses when it is a command's turn. */
const WIDE_SHARES = { 'sessions-per-connection': '1000', 'sessions-per-address': '1000' };

let folder: string;
let at: Running | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-trial-'));
});
afterEach(async () => {
  await at?.stop();
  at = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(flags: Record<string, string> = {}): Promise<Running> {
  await at?.stop();
  at = undefined;
  at = await run({ data: folder, ...WIDE_SHARES, ...flags });
  return at;
}

/** Stops the server, and reads its folder. */
async function check() {
  await at?.stop();
  at = undefined;
  return checkFolder(folder);
}

const open = (running: Running, number: number) => ask(running, Sessions.session, agent(number));

async function sids(running: Running): Promise<number[]> {
  const { sessions } = await ask(
    running,
    Sessions.listSessions,
    { pageSize: 1_000, pageToken: '', instanceType: 0, instanceUuid: '' },
    asAdmin(),
  );
  return sessions.map(({ cvid }) => cvid).sort((x, y) => x - y);
}

async function streams(running: Running, token: string): Promise<number> {
  const request = { pageSize: 1_000, pageToken: '', cvid: 0 };
  const { streams: all } = await ask(running, Streams.listStreams, request, asSession(token));
  return all.filter(({ sinks }) => sinks.length > 0).length;
}

describe('a start with other flags', () => {
  it('keeps 100 streams of a session that were made while 256 were allowed, and refuses the next', async () => {
    const running = await start({ 'streams-per-session-max': '256' });
    const [owner, sink] = [await open(running, 1), await open(running, 2)];
    const create = (from: Running) =>
      ask(
        from,
        Streams.createStream,
        { params: undefined, sinkCvids: [sink.instanceSid], requestId: '' },
        asSession(owner.sessionToken),
      );
    for (let n = 0; n < 100; n++) await create(running);
    const before = await check();
    const again = await start();
    expect(await streams(again, owner.sessionToken)).toBe(100);
    await expect(create(again)).rejects.toThrow('64 streams of one session are the limit');
    expect(await check()).toMatchObject({ problemCount: 0, records: { kinds: { SetLimits: 2 } } });
    expect(before.problemCount).toBe(0);
  });

  it('brings back none of the sessions that were refused, and gives out the SID that comes next', async () => {
    const running = await start({ 'sessions-max': '5' });
    const opened = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => open(running, n + 1)));
    const given = opened.flatMap((one) => (one.status === 'fulfilled' ? one.value.instanceSid : []));
    expect(given.length).toBe(5);
    // Those that came in one turn with the fifth were refused when it was their turn, and stand in the journal; later ones were refused at the door.
    const { records } = await check();
    expect(records.kinds.OpenSession).toBeGreaterThan(5);
    const again = await start({ 'sessions-max': '50' });
    expect(await sids(again)).toEqual(given.sort((x, y) => x - y));
    expect((await open(again, 20)).instanceSid).toBe(Math.max(...given) + 256);
  });

  it('leaves every session its SID when fewer are allowed than there are', async () => {
    const running = await start();
    const tokens = new Map<number, string>();
    for (let n = 1; n <= 6; n++) {
      const { instanceSid, sessionToken } = await open(running, n);
      tokens.set(instanceSid, sessionToken);
    }
    const again = await start({ 'sessions-max': '2' });
    expect(await sids(again)).toEqual([...tokens.keys()].sort((x, y) => x - y));
    for (const [sid, token] of tokens) {
      const { session } = await ask(again, Sessions.getSession, { cvid: 0 }, asSession(token));
      expect(session?.cvid).toBe(sid);
    }
    await expect(open(again, 7)).rejects.toThrow('2 sessions are the limit');
  });

  it('comes to one state, whatever the flags of the starts are', async () => {
    const running = await start({ 'sessions-max': '4' });
    await Promise.allSettled(Array.from({ length: 9 }, (_, n) => open(running, n + 1)));
    const { state } = await check();
    const digests: (string | undefined)[] = [];
    for (const max of [1_048_576, 1, 4]) {
      const reference = await check();
      await start({ 'sessions-max': String(max) });
      expect((await sids(at!)).length).toBe(4);
      digests.push(reference.state?.digest);
    }
    expect(digests[0]).toBe(state?.digest);
    expect((await check()).state?.revision).toBe(state!.revision + 3);
  });

  it('stores nothing when the flags are what they were', async () => {
    await start({ 'sessions-max': '5' });
    const { state } = await check();
    await start({ 'sessions-max': '5' });
    expect((await check()).state).toEqual(state);
  });
});
