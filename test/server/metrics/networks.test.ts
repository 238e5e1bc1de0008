import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { InstanceType, Switchyard } from '../../../src/client/index.js';
import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import { State } from '../../../src/core/store/state.js';
import type { MeasuredNetwork } from '../../../src/server/metrics/measured-network.js';
import { meterNetworks, NETWORK_SERIES_MAX, OTHER_NETWORKS } from '../../../src/server/metrics/network-meters.js';
import { BlindChannel } from '../../client/worlds/blind-channel.js';
import { agent, asAdmin, asHeaders, ask, type Running, run } from '../../grpc/running.js';

let folder: string;
let at: Running;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-network-metrics-'));
  at = await run({ data: folder, 'metrics-listen': '127.0.0.1:0', 'attempts-per-connection-max': '1' });
});
afterEach(async () => {
  await at.stop();
  await rm(folder, { recursive: true, force: true });
});

type Figures = ReadonlyMap<string, number>;

function figuresOf(text: string): Figures {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

async function scrape(): Promise<Figures> {
  return figuresOf(await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text());
}

function create(name: string, sessionsMax = 0) {
  return ask(at, Identities.createNetwork, { name, sessionsMax }, asAdmin());
}

function inNetwork(name: string) {
  return asHeaders({ 'switchyard-network': name });
}

describe('metrics of a server with several networks', () => {
  it('count what each network has, and what all have together', async () => {
    await create('north', 7);
    await ask(at, Sessions.session, agent(1));
    for (const number of [1, 2, 3]) await ask(at, Sessions.session, agent(number), inNetwork('north'));
    const figures = await scrape();
    expect(figures.get('switchyard_networks{state="running"}')).toBe(2);
    expect(figures.get('switchyard_networks{state="stopped"}')).toBe(0);
    expect(figures.get('switchyard_network_sessions{network="default"}')).toBe(1);
    expect(figures.get('switchyard_network_sessions{network="north"}')).toBe(3);
    expect(figures.get('switchyard_network_sessions_max{network="north"}')).toBe(7);
    expect(figures.get('switchyard_sessions')).toBe(4);
    expect(figures.get('switchyard_links')).toBe(4);
    // Each is founded, told its limits, and then gets its sessions.
    expect(figures.get('switchyard_network_revision{network="north"}')).toBe(5);
    expect(figures.get('switchyard_network_revision{network="default"}')).toBe(3);
    expect(figures.get('switchyard_revision')).toBe(3);
    expect(figures.get('switchyard_network_snapshot_age_commands{network="north"}')).toBe(5);
    expect(figures.get('switchyard_snapshot_age_commands')).toBe(5);
    const storedAt = figures.get('switchyard_network_journal_last_timestamp_seconds{network="north"}')!;
    expect(storedAt).toBeCloseTo(Date.now() / 1_000, -2);
    expect(figures.get('switchyard_journal_last_timestamp_seconds')).toBe(storedAt);
  });

  it('count relayed bytes and connections of a network that is not the default one, and never fewer once it is dropped', async () => {
    await create('north');
    const channel = new BlindChannel(at.address);
    const yard = new Switchyard({ channel, network: 'north' });
    const handlers = { accept: () => true, accepted: (stream: NodeJS.ReadWriteStream) => void stream.pipe(stream) };
    const [peer, caller] = [randomUUID(), randomUUID()].map((uuid) =>
      yard.join({ uuid, type: InstanceType.AGENT, handlers }),
    );
    await caller!.attached();
    const { cvid } = await peer!.attached();
    const stream = await caller!.connect(cvid, { fallback: 'late', upgradeAfterMs: Number.POSITIVE_INFINITY });
    stream.write('x'.repeat(10_000));
    for (let echoed = 0; echoed < 10_000; ) echoed += ((await once(stream, 'data')) as [Buffer])[0].length;
    const standing = await scrape();
    expect(standing.get('switchyard_network_attachments{network="north"}')).toBe(2);
    expect(standing.get('switchyard_network_connections{network="north"}')).toBe(1);
    expect(standing.get('switchyard_network_connections{network="default"}')).toBe(0);
    expect(standing.get('switchyard_connections{state="relayed",path="relayed"}')).toBe(1);
    expect(standing.get('switchyard_connection_outcomes_total{outcome="relayed",reason="ok"}')).toBe(1);
    const ofNorth = standing.get('switchyard_network_relayed_bytes_total{network="north",direction="in"}')!;
    expect(ofNorth).toBeGreaterThan(20_000);
    expect(standing.get('switchyard_network_relayed_bytes_total{network="default",direction="in"}')).toBe(0);
    const inAll = standing.get('switchyard_relayed_bytes_total{direction="in"}')!;
    expect(inAll).toBeGreaterThan(20_000);
    await ask(at, Identities.dropNetwork, { name: 'north' }, asAdmin());
    stream.destroy();
    await yard.close();
    const after = await scrape();
    expect([...after.keys()].filter((name) => name.includes('north'))).toEqual([]);
    expect(after.get('switchyard_networks{state="running"}')).toBe(1);
    expect(after.get('switchyard_relayed_bytes_total{direction="in"}')).toBeGreaterThanOrEqual(inAll);
    expect(after.get('switchyard_connection_outcomes_total{outcome="relayed",reason="ok"}')).toBe(1);
  });

  it(`name the ${NETWORK_SERIES_MAX} that were created first, and sum up the others`, async () => {
    const registry = new Registry();
    const networks = Array.from({ length: NETWORK_SERIES_MAX + 3 }, (_, number) => networkOf(number));
    meterNetworks(registry, { networks: () => networks, stoppedNetworks: () => 2 });
    const figures = figuresOf(await registry.metrics());
    const labels = [...figures.keys()].flatMap((name) => /network_revision\{network="(.*)"\}/.exec(name)?.[1] ?? []);
    const named = networks.slice(0, NETWORK_SERIES_MAX).map(({ name }) => name);
    expect(labels).toEqual([...named, OTHER_NETWORKS]);
    expect(figures.get('switchyard_networks{state="running"}')).toBe(NETWORK_SERIES_MAX + 3);
    expect(figures.get('switchyard_networks{state="stopped"}')).toBe(2);
    const others = (metric: string, more = '') =>
      figures.get(`switchyard_network_${metric}{network="${OTHER_NETWORKS}"${more}}`);
    expect(others('attachments')).toBe(64 + 65 + 66);
    expect(others('snapshot_age_commands')).toBe(0);
    expect(others('relayed_bytes_total', ',direction="out"')).toBe(2 * (64 + 65 + 66));
    // Two for how many run, two for the bytes of all, and ten for each label.
    expect(figures.size).toBe(4 + 10 * (NETWORK_SERIES_MAX + 1));
  });
});

/** One with nothing in it but as many attachments as its number, and bytes that were relayed. */
function networkOf(number: number): MeasuredNetwork {
  return {
    name: `network-${number}`,
    state: new State(INITIAL_LIMITS),
    attachments: { count: number },
    feeds: [],
    shares: { largest: () => ({}) as never },
    relay: { bytesIn: number, bytesOut: 2 * number, byteSize: 0, channelCount: 0 },
    journal: { snapshots: () => [] },
    snapshotAtMs: () => undefined,
  };
}
