import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../gen/grpc/health/v1/health.js';
import { Switchyard } from '../../../src/client/index.js';
import { type Figure, figureOf } from '../figure.js';
import type { Memory, Started } from '../parts/process.js';
import { dataFolder, startProbedSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

/** How many networks the goals are about, the default one among them. */
export const NETWORKS = 200;
/** How long a server is left alone to see what its idle networks cost: longer than the slowest timer of a network. */
const REST_MS = 20_000;
/** How often a server that listens is asked whether it serves. */
const ASK_MS = 5;
/** The longest that a server may take to serve. */
const PATIENCE_MS = 60_000;
const MIB = 1_048_576;

/** Starts a server with probe.mjs in it on a data folder. */
export type StartProbed = (data: string) => Promise<Started>;

/** What a server with idle networks is like. */
export interface Idle {
  /** From the start of the process until its health is SERVING. */
  readonly startMs: number;
  /** CPU until then. */
  readonly startCpuMs: number;
  readonly memory: Memory;
  /** CPU in a second of rest. */
  readonly restMs: number;
}

/** Creates networks by the API until the server of a folder has `networks`. Answers with its memory before and after. */
export async function createNetworks(
  start: StartProbed,
  data: string,
  networks: number,
): Promise<{ readonly before: Memory; readonly after: Memory }> {
  const server = await start(data);
  const adminToken = readFileSync(join(data, 'admin-token'), 'utf8').trim();
  const yard = new Switchyard({ server: `127.0.0.1:${server.port}`, adminToken });
  try {
    const before = await server.ask('memory');
    for (let number = 1; number < networks; number++) await yard.identities.createNetwork(`tenant-${number}`);
    return { before, after: await server.ask('memory') };
  } finally {
    await yard.close();
    await server.stop();
  }
}

/** Starts a server on a folder, and looks at it while nobody is connected. */
export async function measureIdle(start: StartProbed, data: string, restMs = REST_MS): Promise<Idle> {
  const fromMs = performance.now();
  const server = await start(data);
  try {
    await serves(server.port, fromMs + PATIENCE_MS);
    const startMs = performance.now() - fromMs;
    const startCpuMs = server.cpuNanos() / 1e6;
    await server.quiet();
    const memory = await server.ask('memory');
    await server.quiet();
    const beforeNanos = server.cpuNanos();
    await sleep(restMs);
    const restedMs = (server.cpuNanos() - beforeNanos) / 1e6;
    return { startMs, startCpuMs, memory, restMs: restedMs / (restMs / 1_000) };
  } finally {
    await server.stop();
  }
}

/** Resolves once the server's health is SERVING. */
async function serves(port: number, untilMs: number): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    while ((await healthOf(client)) !== Serving.SERVING) {
      if (performance.now() > untilMs) throw new Error(`it did not serve within ${PATIENCE_MS / 1_000} s`);
      await sleep(ASK_MS);
    }
  } finally {
    client.close();
  }
}

/** Undefined: it does not answer. */
function healthOf(client: Client): Promise<Serving | undefined> {
  const encode = (request: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(request).finish());
  const decode = (bytes: Buffer) => HealthCheckResponse.decode(bytes);
  return new Promise((resolve) => {
    const request = HealthCheckRequest.create();
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', encode, decode, request, (_error, answer) =>
      resolve(answer?.status),
    );
  });
}

/** What each network but the default one takes of it. */
function shareOf(many: Memory, one: Memory, networks: number): Memory {
  return {
    residentBytes: (many.residentBytes - one.residentBytes) / (networks - 1),
    heldBytes: (many.heldBytes - one.heldBytes) / (networks - 1),
  };
}

/** 200 idle networks beside the default network alone: memory of each, start, CPU at rest. */
export async function benchNetworks(
  rounds: number,
  progress: (line: string) => void,
  { networks = NETWORKS, restMs = REST_MS, start = startProbedSwitchyard as StartProbed } = {},
): Promise<(Row | Figure)[]> {
  const [several, alone] = [dataFolder(), dataFolder()];
  try {
    const { before, after } = await createNetworks(start, several.path, networks);
    const created = shareOf(after, before, networks);
    progress(`${networks} networks are there: ${mib(created.residentBytes)} MiB each, resident`);
    // Its folder is founded before anything is measured, as that of the others is.
    await createNetworks(start, alone.path, 1);
    const all: { ours: Idle; rival: Idle }[] = [];
    for (let round = 0; round < rounds; round++) {
      const ours = await measureIdle(start, several.path, restMs);
      const rival = await measureIdle(start, alone.path, restMs);
      all.push({ ours, rival });
      const each = shareOf(ours.memory, rival.memory, networks);
      const took = `${ours.startMs.toFixed(0)} ms beside ${rival.startMs.toFixed(0)} to serve`;
      progress(`round ${round + 1} of ${rounds}: ${mib(each.residentBytes)} MiB each, ${took}`);
    }
    return resultsOf(networks, created, all);
  } finally {
    several.remove();
    alone.remove();
  }
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(2);

function resultsOf(networks: number, created: Memory, all: readonly { ours: Idle; rival: Idle }[]): (Row | Figure)[] {
  const bench = 'networks';
  const shares = all.map(({ ours, rival }) => shareOf(ours.memory, rival.memory, networks));
  const figure = (what: string, unit: string, values: readonly number[], goal?: string): Figure =>
    figureOf({ bench, what, unit, ...(goal && { goal }) }, values);
  const beside = (what: string, unit: string, value: (one: Idle) => number): Row => {
    const taken = all.map(({ ours, rival }): Round => ({ ours: value(ours), rival: value(rival) }));
    return rowOf({ bench, what: `${networks} idle networks, ${what}`, rivalName: 'one network', unit }, taken, true);
  };
  const inMiB = (key: keyof Memory) => shares.map((share) => share[key] / MIB);
  return [
    figure('an idle network, resident memory', 'MiB', inMiB('residentBytes'), '<= 4'),
    figure('an idle network, heap and buffers', 'MiB', inMiB('heldBytes')),
    figure('an idle network that was just created, resident memory', 'MiB', [created.residentBytes / MIB]),
    figure(
      `start with ${networks} networks`,
      's',
      all.map(({ ours }) => ours.startMs / 1_000),
      '<= 5',
    ),
    beside('start', 'ms', ({ startMs }) => startMs),
    beside('CPU of the start', 'ms', ({ startCpuMs }) => startCpuMs),
    beside('resident memory', 'MiB', ({ memory }) => memory.residentBytes / MIB),
    beside('CPU at rest', 'ms a second', ({ restMs }) => restMs),
  ];
}
