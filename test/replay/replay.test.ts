import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeMesh } from '../../docs/demo/make-mesh.mjs';
import { Switchyard } from '../../src/client/index.js';
import type { RunningServer } from '../../src/server/server.js';
import { runCommand, startCommand } from '../cli/command.js';
import { startTestServer } from '../cli/servers/server.js';

let server: RunningServer;
let at: string[];

beforeEach(async () => {
  server = await startTestServer({ 'admin-token': 'only-for-this-test' });
  at = ['--server', server.addresses.grpc];
});
afterEach(() => server.close());

/** A part of the shipped mesh: enough for a quick test, with gateways, offline nodes and double links. */
function partOfMesh(): string {
  const { nodes, links, ...about } = makeMesh(8768);
  const kept = nodes.slice(0, 60);
  const ids = new Set(kept.map((node) => node.id));
  return JSON.stringify({
    ...about,
    nodes: kept,
    links: links.filter((link) => ids.has(link.source) && ids.has(link.target)),
  });
}

describe('a replay', () => {
  it('brings up what the file says, in its order, and an independent watcher sees just that', async () => {
    const watch = startCommand(['watch', '--json', ...at]);
    const { status, out, err } = await runCommand(['replay', 'mesh', '--json', ...at], { readFile: partOfMesh });
    expect({ status, err }).toMatchObject({ status: 0, err: expect.stringContaining('all as in the file') });
    const summary = JSON.parse(out);
    expect(summary.sessions).toBeGreaterThan(40);
    expect(summary.calls.find((call: { call: string }) => call.call === 'Session').count).toBe(summary.sessions);
    expect(summary.calls.find((call: { call: string }) => call.call === 'ReportLink').count).toBe(2 * summary.links);
    watch.interrupt();
    const lines = (await watch.ended).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const joined = lines.flatMap((line) => line.nodeAdded ?? []).map((node) => node.labels['netjson-id']);
    const firstseen = new Map(makeMesh(8768).nodes.map((node) => [node.id, Date.parse(node.properties.firstseen)]));
    const moments = joined.map((id) => firstseen.get(id)!);
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
  });

  it('leaves nothing behind', async () => {
    await runCommand(['replay', 'mesh', ...at], { readFile: partOfMesh });
    const { out } = await runCommand(['nodes', '--json', ...at]);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
  });

  it('lets nodes leave and return, and everything is as in the file again', async () => {
    const args = ['replay', 'mesh', '--churn', '30', '--for', '1s', ...at];
    const { status, out, err } = await runCommand(args, { readFile: partOfMesh });
    expect({ status, err }).toMatchObject({ status: 0, err: expect.stringContaining('after the churn, at revision') });
    expect(out).toMatch(/^churn: \d+ left and \d+ vanished, and all returned/m);
  });

  it('can replay what export wrote of it', async () => {
    const first = startCommand(['replay', 'mesh', '--stay', ...at], { readFile: partOfMesh });
    await first.said(/stays up until Ctrl-C/);
    const exported = (await runCommand(['export', ...at])).out;
    first.interrupt();
    expect(await first.ended).toMatchObject({ status: 130 });
    const again = await runCommand(['replay', 'exported', ...at], { readFile: () => exported });
    expect(again).toMatchObject({ status: 0, err: expect.stringContaining('all as in the file') });
  });

  it('fails when the graph is not what the file says, and names what is missing', async () => {
    const replay = startCommand(['replay', 'mesh', '--for', '1s', ...at], { readFile: partOfMesh });
    await replay.said(/after everybody joined/);
    const { out } = await runCommand(['export', ...at]);
    const { links } = JSON.parse(out) as { links: { source: string; target: string; properties: { type: string } }[] };
    const { source } = links.find((link) => link.properties.type === 'transport_udp')!;
    await terminate(source);
    const { status, err } = await replay.ended;
    expect(status).toBe(1);
    expect(err).toMatch(
      /after the churn the watcher's graph is not the file's, at revision \d+:\n.*its session ended: SESSION_TERMINATED/,
    );
    expect(err).toMatch(/^node \w+: missing$/m);
    expect(err).toMatch(/^link \w+ -- \w+ \(TRANSPORT_UDP\): missing$/m);
  });

  it('says what is wrong with a file that cannot be replayed', async () => {
    const read = (text: string) => runCommand(['replay', 'mesh', ...at], { readFile: () => text });
    expect(await read('{}')).toMatchObject({
      status: 1,
      err: expect.stringContaining('/type: must be "NetworkGraph"'),
    });
    const { status, err } = await read(partOfMesh().replace('"firstseen":"2', '"firstseen":"x'));
    expect(status).toBe(1);
    expect(err).toContain('properties.firstseen must be a time');
    const empty = { type: 'NetworkGraph', protocol: null, version: null, metric: null, nodes: [], links: [] };
    expect(await read(JSON.stringify(empty))).toMatchObject({
      err: expect.stringContaining('no node in it is online'),
    });
    const gone = await runCommand(['replay', 'gone.netjson', ...at]);
    expect(gone).toMatchObject({ status: 1, err: expect.stringMatching(/^gone\.netjson cannot be read/) });
  });
});

/** Ends the session of an instance, as an administrator. */
async function terminate(uuid: string): Promise<void> {
  const yard = new Switchyard({ server: server.addresses.grpc, adminToken: 'only-for-this-test' });
  for await (const { cvid } of yard.listSessions({ instanceUuid: uuid })) await yard.terminateSession(cvid, 'a test');
  await yard.close();
}
