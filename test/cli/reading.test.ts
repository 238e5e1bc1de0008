import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Instance, InstanceType, LinkType, type Switchyard } from '../../src/client/index.js';
import { parseNetworkGraph } from '../../src/netjson/parse.js';
import type { RunningServer } from '../../src/server/server.js';
import { makeYard, ownLabels } from '../client/worlds/proving-yard.js';
import { IS_REQUIRED } from '../grpc/proving-client.js';
import { runCommand, startCommand } from './command.js';
import { logIn } from './logged-in.js';
import { startTestServer } from './servers/server.js';

let folder: string;
let server: RunningServer;
let yard: Switchyard;
let roof: Instance;
let mill: Instance;
let at: string[];

/** Joins, and resolves when it has a session. */
async function joined(name: string, uuid: string, labels: Record<string, string> = {}): Promise<Instance> {
  const instance = yard.join({ uuid, type: InstanceType.AGENT, name, labels });
  await instance.attached();
  return instance;
}

async function link(a: Instance, b: Instance, type: LinkType): Promise<void> {
  await a.linkEstablished(b.session!.cvid, type);
  await b.linkEstablished(a.session!.cvid, type);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-cli-'));
  server = await startTestServer({ data: folder, ...(IS_REQUIRED && { auth: 'required' }) });
  at = ['--server', server.addresses.grpc];
  const adminToken = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  if (IS_REQUIRED) await logIn(at, adminToken);
  yard = makeYard(server.addresses.grpc, {}, adminToken);
  roof = await joined('roof', '00000000-0000-4000-8000-000000000001', { gateway: 'true' });
  mill = await joined('mill', '00000000-0000-4000-8000-000000000002');
  const lake = await joined('lake', '00000000-0000-4000-8000-000000000003');
  // Names are unique where administrators give them.
  await joined(IS_REQUIRED ? 'pond' : 'lake', '00000000-0000-4000-8000-000000000004');
  await link(roof, mill, LinkType.TRANSPORT_UDP);
  await link(mill, lake, LinkType.TRANSPORT_TCP);
  await roof.createStream([mill.session!.cvid], { name: 'log' });
});

afterAll(async () => {
  await yard.close();
  await server.close();
  await rm(folder, { recursive: true });
});

describe('switchyard nodes', () => {
  it('prints an aligned table, and nothing but the table, to standard output', async () => {
    const { status, out, err } = await runCommand(['nodes', ...at]);
    expect(status).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ *SID {2}NAME +LINKS {2}UUID +LABELS$/);
    expect(lines).toHaveLength(6);
    const [label] = Object.keys(ownLabels({ gateway: 'true' }));
    expect(lines.find((line) => line.includes('roof'))).toMatch(/ 2 {2}0{8}-0{4}-4000-8000-0{11}1 {2}\S+=true$/);
    expect(lines.find((line) => line.includes('roof'))).toContain(`  ${label}=true`);
    expect(err).toMatch(/^5 nodes, 6 links at revision \d+\n$/);
  });

  it('prints one JSON object a line with --json', async () => {
    const { out } = await runCommand(['nodes', '--json', ...at]);
    const nodes = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(nodes).toHaveLength(5);
    expect(nodes.find((node) => node.name === 'mill')).toMatchObject({ cvid: mill.session!.cvid, links: 3 });
  });

  it('has colours for a person, and none in a pipe', async () => {
    expect((await runCommand(['nodes', ...at], { colored: true })).out).toContain('\u001b[1m');
    expect((await runCommand(['nodes', ...at])).out).not.toContain('\u001b');
  });

  it('finds the server through the environment', async () => {
    const { status } = await runCommand(['nodes'], { env: { SWITCHYARD_SERVER: server.addresses.grpc } });
    expect(status).toBe(0);
  });
});

describe('switchyard sessions', () => {
  it('prints who is there, and whether orders reach them', async () => {
    const { status, out } = await runCommand(['sessions', ...at]);
    expect(status).toBe(0);
    expect(out.split('\n')[1]).toMatch(/roof +agent +- +yes +\d+s +\d{4}-\d\d-\d\dT/);
  });

  it('prints one of them by its UUID, for programs', async () => {
    const { out } = await runCommand(['sessions', '--json', '--uuid', '00000000-0000-4000-8000-000000000002', ...at]);
    expect(JSON.parse(out)).toMatchObject({ name: 'mill', instanceType: 'agent', attached: true, ttlMs: 30_000 });
  });

  it('says what is wrong with a UUID, field by field', async () => {
    const { status, err } = await runCommand(['sessions', '--uuid', 'x', ...at]);
    expect(status).toBe(1);
    expect(err).toContain('instance_uuid');
  });
});

describe('switchyard streams', () => {
  it("needs the administrator's token, and says where to get it", async () => {
    const { status, err } = await runCommand(['streams', ...at]);
    expect(status).toBe(1);
    expect(err).toContain(IS_REQUIRED ? 'AUTH_REQUIRED' : '--admin-token, SWITCHYARD_ADMIN_TOKEN, or --data');
  });

  it("finds the token in the server's data folder, or takes it as it is given", async () => {
    const { status, out } = await runCommand(['streams', '--data', folder, ...at]);
    expect(status).toBe(0);
    expect(out).toMatch(new RegExp(`log +${roof.session!.cvid} +\\d+:${mill.session!.cvid}`));
    const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    const given = await runCommand(['streams', '--json', '--admin-token', token, ...at]);
    expect(given.out.trimEnd().split('\n')).toHaveLength(5);
    expect(JSON.parse(given.out.split('\n').find((line) => line.includes('"log"'))!)).toMatchObject({
      ownerCvid: roof.session!.cvid,
      params: { name: 'log', timeoutMs: 0 },
    });
  });

  it('says so when the token is not the right one', async () => {
    const { status, err } = await runCommand(['streams', '--admin-token', 'not-the-right-one', ...at]);
    expect(status).toBe(1);
    expect(err).toContain('The token is not that of this server');
  });
});

describe('switchyard path', () => {
  it('goes over direct links, by SID, UUID or name', async () => {
    const ends = ['roof', '00000000-0000-4000-8000-000000000003'];
    const { status, out, err } = await runCommand(['path', ...ends, ...at]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(
      /^roof \(\d+\)\n {2}transport_udp → mill \(\d+\)\n {2}transport_tcp → lake \(\d+\)\n2 links\n$/,
    );
  });

  it('goes over the server when control links count', async () => {
    const { out } = await runCommand(['path', 'roof', '00000000-0000-4000-8000-000000000004', '--control', ...at]);
    expect(out).toMatch(/→ \(server\) \(\d+\)\n/);
  });

  it('says when there is none, and what may help', async () => {
    const { status, err } = await runCommand(['path', 'roof', '00000000-0000-4000-8000-000000000004', ...at]);
    expect(status).toBe(1);
    expect(err).toContain('try --control');
  });

  it('refuses a name that is nobody', async () => {
    expect(await runCommand(['path', 'roof', 'nobody', ...at])).toMatchObject({
      status: 2,
      err: expect.stringContaining('"nobody" is no node\'s SID, UUID or name'),
    });
  });

  if (!IS_REQUIRED) {
    it('refuses a name of two nodes', async () => {
      const { status, err } = await runCommand(['path', 'lake', 'roof', ...at]);
      expect(status).toBe(2);
      expect(err).toMatch(/"lake" is the name of 2 nodes: use one of the SIDs \d+, \d+/);
    });
  }
});

describe('switchyard export', () => {
  it('writes NetJSON that reads back', async () => {
    const { status, out } = await runCommand(['export', ...at]);
    expect(status).toBe(0);
    const graph = parseNetworkGraph(out);
    expect(graph.nodes).toHaveLength(5);
    expect(graph.links).toHaveLength(6);
    expect(graph.nodes.find((node) => node.label === 'roof')?.properties).toMatchObject(
      IS_REQUIRED ? { labels: ownLabels({ gateway: 'true' }) } : { gateway: true },
    );
  });

  it('writes DOT and GraphML', async () => {
    expect((await runCommand(['export', '--format', 'dot', ...at])).out).toMatch(/^graph "Switchyard, revision \d+/);
    expect((await runCommand(['export', '--format', 'graphml', ...at])).out).toMatch(/^<\?xml.*\n<graphml/);
  });
});

describe('switchyard watch', () => {
  it('shows changes as they come, with names, until Ctrl-C', async () => {
    const watch = startCommand(['watch', ...at]);
    await watch.printed(/^5 nodes, 6 links at revision \d+\n/);
    const visitor = await joined('visitor', '00000000-0000-4000-8000-000000000009');
    const text = await watch.printed(/\+ link .*visitor/);
    expect(text).toMatch(/^ *\d+ \+ node visitor \(\d+\)$/m);
    await visitor.leave();
    expect(await watch.printed(/- node/)).toMatch(/^ *\d+ - link \(server\) \(\d+\) ─ visitor \(\d+\) control_tcp$/m);
    watch.interrupt();
    expect((await watch.ended).status).toBe(130);
  });

  it('shows each revision as one JSON object with --json', async () => {
    const watch = startCommand(['watch', '--json', ...at]);
    await watch.printed(/SNAPSHOT_END.*\n/);
    const lodger = await joined('lodger', '00000000-0000-4000-8000-00000000000a');
    const { cvid } = lodger.session!;
    await lodger.leave();
    const text = await watch.printed(new RegExp(`"nodeRemoved":\\[\\{"cvid":${cvid}\\}.*\n`));
    watch.interrupt();
    expect((await watch.ended).status).toBe(130);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const end = lines.findIndex((line) => line.kind === 'SNAPSHOT_END');
    expect(lines.slice(0, end).every((line) => line.kind === 'SNAPSHOT')).toBe(true);
    const deltas = lines.slice(end + 1);
    // No revision is left out, from the snapshot's own on.
    const first = lines[end].position.revision + 1;
    expect(deltas.map((line) => line.position.revision)).toEqual(deltas.map((_, i) => first + i));
    expect(deltas.at(-2)).toMatchObject({ kind: 'DELTA', nodeAdded: [{ cvid, name: 'lodger' }] });
    expect(deltas.at(-1)).toMatchObject({ kind: 'DELTA', nodeRemoved: [{ cvid }] });
  });

  it('shows what is there already when asked to', async () => {
    const watch = startCommand(['watch', '--snapshot', ...at]);
    expect(await watch.printed(/at revision/)).toMatch(/\+ node roof \(\d+\)\n/);
    watch.interrupt();
    await watch.ended;
  });
});

describe('a server that is not there', () => {
  it.each([['nodes'], ['sessions'], ['watch'], ['export'], ['path', 'a', 'b'], ['replay', 'docs/demo/mesh.netjson']])(
    'is told at once, with what to do: %s',
    async (...args) => {
      const mesh = await readFile('docs/demo/mesh.netjson', 'utf8');
      const { status, err } = await runCommand([...args, '--server', '127.0.0.1:1'], { readFile: () => mesh });
      expect(status).toBe(1);
      expect(err).toContain('Start one with "switchyard serve"');
    },
  );
});
