import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { systemClock } from '../../src/client/system.js';
import { DEFAULT_TURN_LIMITS } from '../../src/fair/limits.js';
import { GrpcFrom } from '../grpc/from.js';
import { type Running, run } from '../grpc/running.js';
import { agent, talk } from '../system/talking.js';
import { chain } from './filled.js';

const LENGTH = 4_000;
const TRANSPORT_UDP = 2;
const RESOURCE_EXHAUSTED = 8;
/** What everything takes by the server's clock, at least: more than a slice, so that each step waits for its turn. */
const STEP_MS = DEFAULT_TURN_LIMITS.sliceMs + 1;

describe('a server on which every step uses up a slice', () => {
  let at: Running;
  let sids: readonly number[];
  let flood: GrpcFrom;
  let other: GrpcFrom;
  beforeAll(async () => {
    const filled = await chain(LENGTH);
    sids = filled.sids;
    let extraMs = 0;
    const nowMs = () => systemClock.nowMs() + (extraMs += STEP_MS);
    const clock = { ...systemClock, nowMs };
    at = await run(
      { 'system-tcp-listen': '127.0.0.1:0', 'metrics-listen': '127.0.0.1:0' },
      { journal: filled.journal, clock },
    );
    flood = await GrpcFrom.connect('127.0.0.2', at.address);
    other = await GrpcFrom.connect('127.0.0.3', at.address);
  });
  afterAll(async () => {
    await flood.close();
    await other.close();
    await at.stop();
  });

  const endToEnd = () => ({ fromCvid: sids[0], toCvid: sids[LENGTH - 1], links: [TRANSPORT_UDP] });

  it('refuses searches of one address beyond the bound with RATE_LIMITED, and serves another meanwhile', async () => {
    const asked = Array.from({ length: 400 }, () => flood.ask(Network.findPath, endToEnd()));
    let left = asked.length;
    for (const one of asked) void one.then(() => left--);
    const node = await other.get(Network.getNode, { cvid: sids[7] });
    expect(node.node?.cvid).toBe(sids[7]);
    expect(left).toBeGreaterThan(0);
    const outcomes = await Promise.all(asked);
    const refusals = outcomes.flatMap((outcome) => ('refusal' in outcome ? [outcome.refusal] : []));
    expect(refusals.length).toBeGreaterThan(0);
    expect(outcomes.length - refusals.length).toBeGreaterThanOrEqual(DEFAULT_TURN_LIMITS.workPerAddressMax);
    for (const { code, reason, retryMs } of refusals) {
      expect([code, reason, retryMs]).toEqual([RESOURCE_EXHAUSTED, 'RATE_LIMITED', 1_000]);
    }
    const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
    expect(text).toContain(`switchyard_turn_refused_total{what="work"} ${refusals.length}`);
    expect(text).toContain('switchyard_turns_waiting 0');
  });

  it('answers each page of sessions in its turn, and one list of all is whole', async () => {
    let pageToken = '';
    const listed: number[] = [];
    do {
      const page = { pageSize: 1_000, pageToken, instanceType: 0, instanceUuid: '' };
      const { sessions, nextPageToken } = await flood.get(Sessions.listSessions, page);
      listed.push(...sessions.map(({ cvid }) => cvid));
      pageToken = nextPageToken;
    } while (pageToken !== '');
    expect(listed.sort((x, y) => x - y)).toEqual(sids);
  });

  it('sends a snapshot whole at the door of system events, and answers its requests in order', async () => {
    const { client, deltas } = await talk(`tcp://${at.server.addresses.tcp}`);
    await client.ask('Session', { ...agent(900_000), watch: { deltas: true } });
    const seen = new Set<number>();
    await deltas.until(({ kind, nodeAdded }) => {
      for (const { cvid } of nodeAdded ?? []) seen.add(cvid);
      return kind === 2;
    });
    expect(sids.every((sid) => seen.has(sid))).toBe(true);
    client.close();
  });

  it('finds a path in many steps, and says of which position it is', async () => {
    const { position } = await other.get(Network.getNode, { cvid: sids[7] });
    const path = await flood.get(Network.findPath, endToEnd());
    expect(path.cvids).toEqual(sids);
    expect(path.position).toEqual(position);
  });
});
