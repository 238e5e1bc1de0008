import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { ServerServiceService as Servers } from '../../../gen/switchyard/v1/server.js';
import { Openings } from '../../../harness/bench/benches/proven.js';
import { asAdmin, ask, type Running, run } from '../../grpc/running.js';

const INSTANCES = 20;
const CALLS = 50;
const NO_CPU = { mainNanos: () => 0, cpuNanos: () => 0 };

describe('the bench of Sessions with proofs', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ auth: 'open' });
  });
  afterAll(() => at.stop());

  /** How many sessions there are, and how many identities have keys. */
  async function count(): Promise<{ sessions: bigint | undefined; withKeys: number }> {
    const { limits } = await ask(at, Servers.getServer, {}, asAdmin());
    const { identities } = await ask(at, Identities.listIdentities, { pageSize: 1_000, pageToken: '' }, asAdmin());
    return {
      sessions: limits.find(({ name }) => name === 'sessions-max')?.used,
      withKeys: identities.filter(({ keys }) => keys.length === 1).length,
    };
  }

  it('opens a session of each instance, binds a key where there is a proof and none elsewhere, and opens them again', async () => {
    const port = Number(at.address.split(':').at(-1));
    const plain = await Openings.begin(port, false, INSTANCES);
    expect(await count()).toEqual({ sessions: BigInt(INSTANCES), withKeys: 0 });
    const proven = await Openings.begin(port, true, INSTANCES);
    expect(await count()).toEqual({ sessions: BigInt(2 * INSTANCES), withKeys: INSTANCES });
    await proven.measure(NO_CPU, CALLS);
    await plain.measure(NO_CPU, CALLS);
    expect(await count()).toEqual({ sessions: BigInt(2 * INSTANCES), withKeys: INSTANCES });
    await Promise.all([proven.close(), plain.close()]);
  });

  it('tells what an opening costs, in microseconds', async () => {
    const port = Number(at.address.split(':').at(-1));
    const openings = await Openings.begin(port, true, INSTANCES);
    let asked = 0;
    const server = { mainNanos: () => 5_000_000 * asked, cpuNanos: () => 9_000_000 * asked++ };
    expect(await openings.measure(server, CALLS)).toEqual({ mainMicros: 100, allMicros: 180 });
    await openings.close();
  });
});
