import { open, readdir, stat } from 'node:fs/promises';
import { arch, cpus, freemem, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { isLoopback, parseAddress } from '../../base/address.js';
import { createPrivateFile } from '../../base/private-files.js';
import { commit, version } from '../../base/version.js';
import { defaultDataFolder } from '../../config/config.js';
import { environmentName, type Option } from '../../config/option.js';
import { IN_MEMORY, OPTIONS } from '../../config/options.js';
import { readMetricsToken } from '../../server/admin-token.js';
import { linesOf } from '../conclude.js';
import { serverAddress, serverOf } from '../connection.js';
import { jsonEscape } from '../output/output.js';
import { printableDocument } from '../output/printable.js';
import type { ReaderFlags } from '../reader.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { givenAdminToken, ownAdminToken } from '../trust/admin-token.js';
import { checkMetrics, fetchMetrics, type MetricsFlags, metricsAddress } from './fetch-metrics.js';
import { REMOVED, redact, redactAll } from './redact.js';
import { askServer, serverFacts } from './status.js';

/** Options of `debug dump`. */
export interface DumpFlags extends ReaderFlags, MetricsFlags {
  readonly output?: string;
  /** The server's configuration file. */
  readonly config?: string;
  /** The server's log; `-`: standard input. */
  readonly log?: string;
}

/** Of a log the end is taken: some thousand lines, and small enough to be attached to a report. */
const LOG_BYTES_MAX = 256 * 1_024;

/**
 * Writes what a bug report needs into one file that only its owner can read: versions, machine, options, limits, metrics, health, and
 * the last lines of the log, all without secrets. What cannot be had is named with the reason instead. The server may be on another
 * machine; machine, options and data folder are this one's.
 */
export async function dumpDebug(flags: DumpFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, clock } = surroundings;
  checkMetrics(flags);
  const takenAt = new Date(clock.wallMs()).toISOString();
  const path = flags.output ?? `switchyard-debug-${takenAt.replaceAll(/[-:]|\.\d+/g, '')}.json`;
  const known = await knownSecrets(flags, surroundings);
  const server = await trying(async () => serverFacts(await askServer(flags, surroundings)));
  const bundle = {
    takenAt,
    switchyard: { version: version(), commit: commit() },
    machine: machineFacts(surroundings),
    options: optionsFacts(flags, surroundings),
    dataFolder: await trying(() => folderFacts(flags, surroundings)),
    reached: await trying(async () => howReached(flags, surroundings)),
    server,
    ...(await metricsFacts(flags, surroundings, server)),
    log: await trying(() => logLines(flags, surroundings, known)),
  };
  // Half of it would be taken for all of it.
  surroundings.signal.throwIfAborted();
  // Somebody may look at it in a terminal: what servers and logs say is harmless there, and the same value to a program.
  const text = `${printableDocument(JSON.stringify(redactAll(bundle, known), plainNumbers, 2), jsonEscape)}\n`;
  if (!createPrivateFile(path, text)) throw new Failure(`${path} is there already: name another file with --output`);
  await terminal.out.write(`wrote ${path}: ${text.length} bytes, without secrets; names and addresses are in it`);
}

/** Secrets that this command can know, so that they are taken out wherever they stand. */
async function knownSecrets(flags: DumpFlags, surroundings: Surroundings): Promise<string[]> {
  const given = givenAdminToken(flags, surroundings.env);
  const own = await ownAdminToken(flags, surroundings).catch(() => undefined);
  const file = configOf(flags, surroundings);
  const inFile = Object.entries(file).flatMap(([flag, value]) => (isSecret(flag) ? String(value) : []));
  const flagsOfSecrets = Object.values(OPTIONS).flatMap(({ flag }) => (isSecret(flag) ? flag : []));
  const inEnvironment = flagsOfSecrets.map((flag) => surroundings.env[environmentName(flag)]);
  const collectors = flags.metricsToken ?? (flags.data && (await readMetricsToken(flags.data).catch(() => undefined)));
  return [given, own, collectors, ...inFile, ...inEnvironment].flatMap((one) => one || []);
}

function isSecret(flag: string): boolean {
  const all = Object.values(OPTIONS) as Option<unknown>[];
  return all.some((option) => option.secret === true && option.flag === flag);
}

/** By which address the server was asked, and how. */
function howReached(flags: DumpFlags, surroundings: Surroundings): object {
  const { server, tls } = serverOf(flags, surroundings);
  return { server, isEncrypted: tls !== undefined };
}

function machineFacts({ platform }: Surroundings): object {
  const all = cpus();
  const processors = { cpus: all.length, cpu: all[0]?.model };
  return {
    ...{ platform, release: release(), arch: arch(), node: process.version, ...processors },
    ...{ memoryBytes: totalmem(), freeBytes: freemem() },
  };
}

/** The options of a server that are in this environment and in the file that was named; of secrets only that they are given. */
function optionsFacts(flags: DumpFlags, surroundings: Surroundings): object {
  const { env } = surroundings;
  const file = configOf(flags, surroundings);
  const facts = (Object.values(OPTIONS) as Option<unknown>[]).flatMap(({ flag, secret }) => {
    const name = environmentName(flag);
    const [from, value] = env[name] !== undefined ? [name, env[name]] : ['file', file[flag]];
    return value === undefined ? [] : [[flag, { from, value: secret ? REMOVED : value }] as const];
  });
  return Object.fromEntries(facts);
}

function configOf({ config }: DumpFlags, { readFile, env }: Surroundings): Record<string, unknown> {
  const path = config ?? env.SWITCHYARD_CONFIG;
  if (!path) return {};
  try {
    const read: unknown = JSON.parse(readFile(path));
    return typeof read === 'object' && read !== null ? { ...read } : {};
  } catch {
    // A file that cannot be read says nothing of its options; the server itself says what is wrong with it.
    return {};
  }
}

/**
 * The names and sizes of what is in the data folder, and nothing of its content. Beyond loopback only of one that was named: the
 * default one is that of another server.
 */
async function folderFacts(flags: DumpFlags, surroundings: Surroundings): Promise<object> {
  const folder = flags.data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
  const isNear = isLoopback(parseAddress(serverAddress(flags, surroundings)));
  if (!isNear && flags.data === undefined)
    throw new Failure('it is on the machine of the server: name it there with --data');
  if (folder === IN_MEMORY) return {};
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size] as const));
  return Object.fromEntries(sizes);
}

type ServerFacts = ReturnType<typeof serverFacts>;

/** What the port for metrics says: it is asked where the server says that it is, or where it was said. */
async function metricsFacts(
  flags: DumpFlags,
  surroundings: Surroundings,
  server: ServerFacts | { readonly failed: string },
) {
  const places = 'addresses' in server && server.epoch !== undefined ? server.addresses : undefined;
  const read = (path: string) =>
    trying(async () => {
      if (places === undefined && flags.metrics === undefined) throw new Failure(UNTOLD);
      const at = metricsAddress(places?.metrics, flags, surroundings);
      return fetchMetrics(at, path, flags, surroundings);
    });
  const [metrics, healthz, readyz] = [await read('/metrics'), await read('/healthz'), await read('/readyz')];
  return { metrics, healthz, readyz };
}

/** What a server that was not reached, or that does not know who asks, says about its metrics. */
const UNTOLD =
  'the server has not said where its metrics are: name them with --metrics, and where it only does not know you, give --admin-token or log in';

/** The last lines of the log. Secrets are taken out of the whole text, as some of them are longer than a line. */
async function logLines(
  { log }: DumpFlags,
  { input, signal }: Surroundings,
  known: readonly string[],
): Promise<object> {
  if (log === undefined) return { failed: 'no --log FILE was named; - is standard input' };
  const text = log === '-' ? await endOf(addAbortSignal(signal, input)) : await tailOf(log);
  return { file: log, lines: redact(text, known).trimEnd().split('\n') };
}

async function endOf(input: AsyncIterable<Buffer | string>): Promise<string> {
  let held = '';
  for await (const chunk of input) held = (held + chunk.toString()).slice(-LOG_BYTES_MAX);
  return wholeLines(held, held.length === LOG_BYTES_MAX);
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - LOG_BYTES_MAX);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return wholeLines(buffer.subarray(0, bytesRead).toString(), from > 0);
  } finally {
    await file.close();
  }
}

/** Without the first line, where that is only the end of one: half a secret could not be told. */
function wholeLines(text: string, isCut: boolean): string {
  return isCut ? text.slice(text.indexOf('\n') + 1) : text;
}

/** Counts are numbers to whoever reads it. */
function plainNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

async function trying<Result>(work: () => Promise<Result>): Promise<Result | { readonly failed: string }> {
  try {
    return await work();
  } catch (error) {
    return { failed: linesOf(error).join(' ') };
  }
}
