import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quietPort } from '../../port.js';
import { Started } from './process.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const BARE = ['--import', join(root, 'harness/typescript.mjs'), join(root, 'harness/bench/rivals/bare-server.ts')];
const BARE_RELAY = ['--import', join(root, 'harness/typescript.mjs'), join(root, 'harness/bench/rivals/bare-relay.ts')];

/** Where a bench's servers keep their files, on disk unless another folder is named; removed at its end. */
export function dataFolder(parent = tmpdir()): { path: string; remove: () => void } {
  const path = mkdtempSync(join(parent, 'switchyard-bench-data-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Lets a server be asked about itself: probe.mjs. */
const PROBE = ['--expose-gc', '--import', join(root, 'harness/bench/parts/probe.mjs')];

/** The young generation that the program `switchyard` gives its server; rivals made of Node get the same. */
export const YOUNG = ['--max-semi-space-size=64'];

/** Switchyard as it is installed: the compiled server, with its journal on disk. */
export function startSwitchyard(data: string, ...options: string[]): Promise<Started> {
  return Started.announcing(process.execPath, [...YOUNG, ...switchyard(data, options)]);
}

/** The same with the young generation that node takes unless it is told. */
export function startPlainSwitchyard(data: string): Promise<Started> {
  return Started.announcing(process.execPath, switchyard(data, []));
}

/** Switchyard with a probe in it. */
export function startProbedSwitchyard(data: string, ...options: string[]): Promise<Started> {
  return Started.announcing(process.execPath, [...YOUNG, ...PROBE, ...switchyard(data, options)]);
}

/** The arguments of node for the compiled program with a command line. */
export function switchyardProgram(words: readonly string[]): string[] {
  return [join(root, 'dist/src/main.js'), ...words];
}

function switchyard(data: string, options: readonly string[]): string[] {
  const args = ['serve', '--listen', '127.0.0.1:0', '--data', data, '--log-level', 'error', '--json', ...options];
  return switchyardProgram(args);
}

/** A bare grpc-js server: rivals/bare-server.ts. */
export function startBare(): Promise<Started> {
  return Started.announcing(process.execPath, [...YOUNG, ...BARE]);
}

/** A bare relay of grpc-js: rivals/bare-relay.ts. */
export function startBareRelay(): Promise<Started> {
  return Started.announcing(process.execPath, [...YOUNG, ...BARE_RELAY]);
}

/** The same, with a probe in it. */
export function startProbedBare(): Promise<Started> {
  return Started.announcing(process.execPath, [...YOUNG, ...PROBE, ...BARE]);
}

/** etcd, one member, its log on the same disk and fsynced as it is by default. */
export async function startEtcd(data: string): Promise<Started> {
  const [client, peer] = [await quietPort(), await quietPort()];
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  const args = ['--data-dir', data, '--log-level', 'error', '--listen-client-urls', url(client)];
  args.push('--advertise-client-urls', url(client), '--listen-peer-urls', url(peer));
  args.push('--initial-advertise-peer-urls', url(peer), '--initial-cluster', `default=${url(peer)}`);
  return Started.listening('etcd', args, client);
}

/** nats-server, core publish and subscribe: nothing stored. */
export async function startNats(): Promise<Started> {
  const port = await quietPort();
  return Started.listening('nats-server', ['-a', '127.0.0.1', '-p', String(port)], port);
}
