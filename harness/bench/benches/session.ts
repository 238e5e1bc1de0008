import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { load } from '../parts/h2load.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startBare, startEtcd, startPlainSwitchyard, startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

const CALLS = 20_000;
/** The method that is measured. */
export const SESSION_PATH = '/switchyard.v1.SessionService/Session';

/** Every call is for the same instance, so each opens a session, ends the one before and is fsynced: the costly case. */
export const sessionRequest = SessionRequest.encode(
  SessionRequest.create({ instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', instanceType: 2, name: 'bench' }),
).finish();

/** LeaseGrantRequest{TTL: 60}: etcd's nearest thing to a session. */
const lease = Uint8Array.of(0x08, 60);

/** What a server did of one run of calls. */
export interface Measured {
  readonly callsPerSecond: number;
  readonly cpuMicros: number;
}

/** Runs the calls against a server. */
export async function measure(server: Started, path: string, message: Uint8Array): Promise<Measured> {
  const from = server.cpuSeconds();
  const { callsPerSecond } = await load({ port: server.port, path, message, calls: CALLS, connections: 4, atOnce: 32 });
  return { callsPerSecond, cpuMicros: ((server.cpuSeconds() - from) * 1e6) / CALLS };
}

/**
 * Session, durable, beside a bare grpc-js server that answers a constant, beside etcd's LeaseGrant, and beside the same server with
 * the young generation that node takes unless it is told.
 */
export async function benchSession(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const [data, plainData, etcdData] = [dataFolder(), dataFolder(), dataFolder()];
  const [ours, bare] = [await startSwitchyard(data.path), await startBare()];
  const plain = await startPlainSwitchyard(plainData.path);
  const etcd = await startEtcd(etcdData.path).catch((error: Error) => void progress(`without etcd: ${error.message}`));
  try {
    const all: { ours: Measured; plain: Measured; bare: Measured; etcd: Measured | undefined }[] = [];
    for (let round = -1; round < rounds; round++) {
      const one = {
        ours: await measure(ours, SESSION_PATH, sessionRequest),
        plain: await measure(plain, SESSION_PATH, sessionRequest),
        bare: await measure(bare, SESSION_PATH, sessionRequest),
        etcd: etcd && (await measure(etcd, '/etcdserverpb.Lease/LeaseGrant', lease)),
      };
      progress(round < 0 ? 'warmed up' : `round ${round + 1} of ${rounds}`);
      if (round >= 0) all.push(one);
    }
    const bench = 'session';
    const what = 'Session, durable';
    const beside = (rival: 'bare' | 'plain' | 'etcd', rivalName: string, goal?: number): Row[] => {
      const taken = all.flatMap((one) => (one[rival] === undefined ? [] : [{ ours: one.ours, rival: one[rival] }]));
      if (taken.length === 0) return [];
      const pick = (key: keyof Measured): Round[] =>
        taken.map((one) => ({ ours: one.ours[key], rival: one.rival[key] }));
      return [
        rowOf({ bench, what, rivalName, unit: 'calls/s', goal }, pick('callsPerSecond')),
        rowOf({ bench, what, rivalName, unit: 'µs of CPU a call' }, pick('cpuMicros'), true),
      ];
    };
    const rivals = [...beside('bare', 'bare grpc-js', 0.9), ...beside('etcd', 'etcd LeaseGrant', 1.5)];
    return [...rivals, ...beside('plain', "node's own young generation")];
  } finally {
    for (const server of [ours, plain, bare, etcd]) await server?.stop();
    for (const folder of [data, plainData, etcdData]) folder.remove();
  }
}
