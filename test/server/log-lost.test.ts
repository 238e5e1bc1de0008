import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { GOOD_WAYS, SimulatedEtcd, type Ways } from '../../harness/simulation/machine/etcd.js';
import { systemClock } from '../../src/client/system.js';
import type { SharedLog } from '../../src/log/shared-log.js';
import { agent, ask, type Running, refusalOf, refused, run } from '../grpc/running.js';
import { depose, openLog } from '../log/etcd-disk.js';
import { troubled } from '../log/fenced.js';

const NETWORK = 'yard';
const TTL_MS = 2_000;

describe('a server that loses its term', () => {
  const etcd = () => new SimulatedEtcd(systemClock);
  const started: Running[] = [];
  const ended: unknown[] = [];

  afterEach(async () => {
    ended.length = 0;
    for (const at of started.splice(0)) await at.stop();
  });

  async function serve(sharedLog: SharedLog): Promise<Running> {
    const at = await run({}, { sharedLog, fatal: (error) => ended.push(error) });
    started.push(at);
    return at;
  }
  const log = (store: SimulatedEtcd, ways: Ways = GOOD_WAYS(), name = 's1') =>
    openLog(troubled(store.connect(), ways), NETWORK, name, TTL_MS);

  it('tells a caller whose command may be stored that this is unknown, never to be repeated by itself, and ends', async () => {
    let isSilent = false;
    const next = () => ({ kind: isSilent ? ('lost' as const) : ('passes' as const) });
    const at = await serve(log(etcd(), { next, delayMs: () => 0 }));
    await ask(at, Sessions.session, agent(1));
    isSilent = true;
    // One: of two that come in two turns the second waits, and hears that nothing of it was stored.
    const error = await ask(at, Sessions.session, agent(2)).catch(asError);
    expect(refusalOf(error)).toMatchObject({ code: status.UNAVAILABLE, reason: 'OUTCOME_UNKNOWN', retryMs: undefined });
    expect(error).toHaveProperty('metadata');
    expect((error as ServiceError).metadata.get('grpc-retry-pushback-ms')).toEqual(['-1']);
    expect((await ask(at, Health.check, { service: '' })).status).toBe(Serving.NOT_SERVING);
    expect(await refused(ask(at, Sessions.session, agent(4)))).toMatchObject({ reason: 'DRAINING' });
    await until(() => ended.length > 0);
    expect(ended).toEqual([expect.objectContaining({ kind: 'deposed' })]);
  });

  it('tells callers that nothing was stored when another process leads, and ends', async () => {
    const store = etcd();
    const at = await serve(log(store));
    await ask(at, Sessions.session, agent(1));
    await depose(store.connect(), NETWORK);
    const other = log(store, GOOD_WAYS(), 's2');
    const term = await other.lead();
    const { last } = term.journal;
    expect(await refused(ask(at, Sessions.session, agent(2)))).toMatchObject({ reason: 'JOURNAL_UNAVAILABLE' });
    await until(() => ended.length > 0);
    expect(ended[0]).toMatchObject({ kind: 'deposed' });
    await term.resign();
    const reader = await log(store).lead();
    expect(reader.journal.last).toBe(last);
    await reader.resign();
  });

  it('stops when it is told to within the time of its lease while etcd is silent and a command waits', async () => {
    let isSilent = false;
    let lost = 0;
    const next = (request: string) => {
      if (isSilent && request === 'commit') lost++;
      return { kind: isSilent ? ('lost' as const) : ('passes' as const) };
    };
    const at = await serve(log(etcd(), { next, delayMs: () => 0 }));
    isSilent = true;
    const asked = refused(ask(at, Sessions.session, agent(1)));
    await until(() => lost > 0);
    const stopped = at.server.drain();
    expect(await asked).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    await stopped;
  });
});

const asError = (error: unknown) => error;

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}
