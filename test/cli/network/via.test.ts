import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { agent, ask, asSession, type Running, run } from '../../grpc/running.js';
import { IS_LONG } from '../../long.js';
import { runCommand, startCommand } from '../command.js';
import { LargeSystemServer } from '../servers/large-system-server.js';

describe('switchyard --via', () => {
  let at: Running;
  let via: string;
  let sids: number[];
  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
    via = `tcp://${at.server.addresses.tcp}`;
    const named = { ...agent(1), name: 'r1', labels: { a: 'b' } };
    const { instanceSid, serverSid } = await ask(at, Sessions.session, named);
    sids = [serverSid, instanceSid].sort((one, other) => one - other);
  });
  afterAll(() => at.stop());

  const live = async () => {
    const request = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
    return (await ask(at, Sessions.listSessions, request)).sessions.map(({ cvid }) => cvid);
  };

  it.each([
    ['before the command', (url: string) => ['--via', url, 'nodes', '--json']],
    ['after it', (url: string) => ['nodes', '--via', url, '--json']],
  ])('%s lists the nodes that gRPC clients see, and leaves no session behind', async (_, line) => {
    const { status, out, err } = await runCommand(line(via));
    expect([status, err]).toEqual([0, '']);
    const nodes = out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(nodes.map(({ cvid }) => cvid)).toEqual(sids);
    expect(nodes.map(({ links }) => links)).toEqual([1, 1]);
    expect(nodes).toContainEqual(expect.objectContaining({ name: 'r1', labels: { a: 'b' }, links: 1 }));
    expect(await live()).toEqual([expect.any(Number)]);
  });

  it('exports the graph, with where it stood', async () => {
    const { status, out } = await runCommand(['--via', via, 'export']);
    const { nodes, links, label } = JSON.parse(out);
    expect([status, nodes.length, links.length]).toEqual([0, 2, 1]);
    expect(label).toMatch(/^Switchyard, revision \d+ of \S+$/);
  });

  it('watches until it is interrupted, and ends its session then', async () => {
    const watching = startCommand(['--via', via, 'watch', '--snapshot']);
    await watching.printed(/r1[\s\S]* at revision \d+\n/);
    const { instanceSid, sessionToken } = await ask(at, Sessions.session, { ...agent(2), name: 'r2' });
    expect(instanceSid).toBeGreaterThan(0);
    await watching.printed(/r2/);
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, asSession(sessionToken));
    watching.interrupt();
    expect((await watching.ended).status).toBe(130);
    expect(await live()).toHaveLength(1);
  });

  it('is refused where a command needs gRPC, and says which do not', async () => {
    const { status, err } = await runCommand(['--via', via, 'sessions']);
    expect(status).toBe(2);
    expect(err).toBe('--via: sessions needs gRPC; by system events there are nodes, watch, export\n');
  });

  it('says what is wrong with where it leads to', async () => {
    const { status, err } = await runCommand(['--via', 'tcp://nowhere', 'nodes']);
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(/^--via: "tcp:\/\/nowhere" must be tcp:\/\/HOST:PORT.*\n$/),
    ]);
    const away = await runCommand(['--via', 'tcp://127.0.0.1:1', 'nodes']);
    expect([away.status, away.err]).toEqual([1, expect.stringMatching(/^nobody listens at 127\.0\.0\.1:1\n/)]);
  });
});

/** Three times what is held until the links are counted. */
const NODES = IS_LONG ? 150_000 : 5_000;
const NODE_BYTES = 80;
/** What two sockets hold, and the program. */
const TAKEN_MAX = 24 << 20;

describe('switchyard --via whose output nobody reads', () => {
  let large: LargeSystemServer;
  let via: string;
  beforeAll(async () => {
    large = new LargeSystemServer(NODES);
    via = await large.start();
  });
  afterAll(() => large.stop());

  /** Starts a command whose output takes nothing until `read` is called. */
  const unread = (...args: string[]) => {
    let read = () => {};
    const ready = new Promise<void>((resolve) => {
      read = resolve;
    });
    large.taken = 0;
    return { running: startCommand(['--via', via, ...args], { ready }), read };
  };

  it('holds up a network that changes all the time, goes on when it is read, and ends when it is interrupted: watch', async () => {
    const { running, read } = unread('watch', '--snapshot');
    await running.printed(/node/);
    await large.heldUp();
    const held = large.taken;
    expect(held).toBeLessThan(TAKEN_MAX);
    read();
    for (let waited = 0; large.taken <= held && waited < 1_000; waited++) await new Promise((go) => setTimeout(go, 50));
    expect(large.taken).toBeGreaterThan(held);
    running.interrupt();
    expect(await running.ended).toMatchObject({ status: 130, err: '' });
  });

  it('prints all of a large network once it is read, and in a long run leaves a third of it at the server until then: nodes', async () => {
    const { running, read } = unread('nodes', '--json');
    await running.printed(/node-100/);
    await large.heldUp();
    if (IS_LONG) expect(large.taken).toBeLessThan(0.9 * NODES * NODE_BYTES);
    read();
    const { status, out, err } = await running.ended;
    expect([status, out.match(/node-\d+/g)?.length, err]).toEqual([0, NODES, '']);
  });
});
