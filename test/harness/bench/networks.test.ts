import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { benchNetworks, createNetworks, measureIdle } from '../../../harness/bench/benches/networks.js';
import { Started } from '../../../harness/bench/parts/process.js';
import { programArguments } from '../../../harness/program.js';
import { Switchyard } from '../../../src/client/index.js';

const PROBE = fileURLToPath(new URL('../../../harness/bench/parts/probe.mjs', import.meta.url));
const NETWORKS = 6;
const REST_MS = 200;
const TEST_MS = 120_000;

/** The program of these sources in place of the one that is built. */
function start(data: string): Promise<Started> {
  const program = ['--expose-gc', '--import', PROBE, ...programArguments()];
  const places = ['--listen', '127.0.0.1:0', '--rendezvous-listen', '127.0.0.1:0', '--data', data];
  return Started.announcing(process.execPath, [...program, 'serve', ...places, '--log-level', 'error', '--json']);
}

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'bench-networks-'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

describe('the bench of idle networks', () => {
  it(
    'measures the start and the memory of a server that has as many networks as it was asked for',
    async () => {
      await createNetworks(start, data, NETWORKS);
      const { startMs, startCpuMs, memory } = await measureIdle(start, data, REST_MS);
      expect(startMs).toBeGreaterThan(0);
      expect(startCpuMs).toBeGreaterThan(0);
      expect(memory.residentBytes).toBeGreaterThan(memory.heldBytes);
      const server = await start(data);
      const adminToken = readFileSync(join(data, 'admin-token'), 'utf8').trim();
      const yard = new Switchyard({ server: `127.0.0.1:${server.port}`, adminToken });
      try {
        const { networks } = await yard.identities.listNetworks();
        expect(networks).toHaveLength(NETWORKS);
      } finally {
        await yard.close();
        await server.stop();
      }
    },
    TEST_MS,
  );

  it(
    'tells what the goals are about, and the same of a server of one network',
    async () => {
      const results = await benchNetworks(1, () => {}, { networks: NETWORKS, restMs: REST_MS, start });
      const goals = results.flatMap((result) => ('value' in result && result.goal !== undefined ? [result] : []));
      expect(goals).toEqual([
        expect.objectContaining({ what: 'an idle network, resident memory', unit: 'MiB', goal: '<= 4' }),
        expect.objectContaining({ what: `start with ${NETWORKS} networks`, unit: 's', goal: '<= 5' }),
      ]);
      const rows = results.flatMap((result) => ('ratio' in result ? [result] : []));
      expect(rows.map(({ rivalName }) => rivalName)).toEqual(Array(4).fill('one network'));
      const figures = [...goals.map(({ value }) => value), ...rows.flatMap(({ ours, rival }) => [ours, rival])];
      expect(figures.every(Number.isFinite)).toBe(true);
    },
    TEST_MS,
  );
});
