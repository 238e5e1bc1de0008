import { open, readdir, stat } from 'node:fs/promises';
import { arch, cpus, freemem, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { createPrivateFile } from '../../base/private-files.js';
import { commit, version } from '../../base/version.js';
import { defaultDataFolder, IN_MEMORY, OPTIONS } from '../../config/config.js';
import { environmentName, type Option } from '../../config/option.js';
import { linesOf } from '../conclude.js';
import { type ConnectionFlags, serverAddress, withAdministrator, withServer } from '../connection.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { givenAdminToken, ownAdminToken } from '../trust/admin-token.js';
import { REMOVED, redact, redactAll } from './redact.js';
import { serverFacts } from './status.js';

/** Options of `debug dump`. */
export interface DumpFlags extends ConnectionFlags {
  readonly output?: string;
  /** The server's configuration file. */
  readonly config?: string;
  /** The server's log; `-`: standard input. */
  readonly log?: string;
  /** Where the server's metrics are, when it does not say. */
  readonly metrics?: string;
}

/** Of a log the end is taken: some thousand lines, and small enough to be attached to a report. */
const LOG_BYTES_MAX = 256 * 1_024;
/** How long the metrics may take to come. */
const METRICS_MS = 10_000;

/**
 * Writes what a bug report needs into one file that only its owner can read: versions, machine, options, limits, metrics, health, and
 * the last lines of the log, all without secrets. What cannot be had is named with the reason instead.
 */
export async function dumpDebug(flags: DumpFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, clock } = surroundings;
  const takenAt = new Date(clock.wallMs()).toISOString();
  const path = flags.output ?? `switchyard-debug-${takenAt.replaceAll(/[-:]|\.\d+/g, '')}.json`;
  const known = await knownSecrets(flags, surroundings);
  const server = await trying(() => askServer(flags, surroundings));
  const bundle = {
    takenAt,
    switchyard: { version: version(), commit: commit() },
    machine: machineFacts(surroundings),
    options: optionsFacts(flags, surroundings),
    dataFolder: await trying(() => folderFacts(flags, surroundings)),
    server,
    ...(await metricsFacts(flags, surroundings, server)),
    log: await trying(() => logLines(flags, surroundings, known)),
  };
  const text = `${JSON.stringify(redactAll(bundle, known), plainNumbers, 2)}\n`;
  if (!createPrivateFile(path, text)) throw new Failure(`${path} is there already: name another file with --output`);
  await terminal.out.write(`wrote ${path}: ${text.length} bytes, without secrets; names and addresses are in it`);
}

/** Secrets that this command can know, so that they are taken out wherever they stand. */
async function knownSecrets(flags: DumpFlags, surroundings: Surroundings): Promise<string[]> {
  const given = givenAdminToken(flags, surroundings.env);
  const own = await ownAdminToken(flags, surroundings).catch(() => undefined);
  const file = configOf(flags, surroundings);
  const inFile = Object.values(file).filter((_, at) => isSecret(Object.keys(file)[at]!));
  return [given, own, ...inFile.map(String)].filter((one) => one !== undefined);
}

function isSecret(flag: string): boolean {
  const all = Object.values(OPTIONS) as Option<unknown>[];
  return all.some((option) => option.secret === true && option.flag === flag);
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

/** The names and sizes of what is in the data folder, and nothing of its content. */
async function folderFacts({ data }: DumpFlags, surroundings: Surroundings): Promise<object> {
  const folder = data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
  if (folder === IN_MEMORY) return {};
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size] as const));
  return Object.fromEntries(sizes);
}

async function askServer(flags: DumpFlags, surroundings: Surroundings): Promise<ServerFacts> {
  const { signal, env } = surroundings;
  const isAdministrator = flags.data !== undefined || givenAdminToken(flags, env) !== undefined;
  const ask = isAdministrator ? withAdministrator : withServer;
  return serverFacts(await ask(flags, surroundings, (yard) => yard.getServer({ signal })));
}

type ServerFacts = ReturnType<typeof serverFacts>;

/** What the port for metrics says: it is asked where the server says that it is, or where it was said. */
async function metricsFacts(
  flags: DumpFlags,
  surroundings: Surroundings,
  server: ServerFacts | { readonly failed: string },
) {
  const told = 'addresses' in server ? server.addresses.metrics : undefined;
  const reached = told?.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, serverAddress(flags, surroundings).replace(/:\d+$/, ''));
  const address = flags.metrics ?? reached;
  if (address === undefined) return { metrics: { failed: 'the server has no --metrics-listen' } };
  const read = (path: string) =>
    trying(async () => {
      const response = await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(METRICS_MS) });
      return { status: response.status, text: (await response.text()).split('\n') };
    });
  return { metrics: await read('/metrics'), healthz: await read('/healthz'), readyz: await read('/readyz') };
}

/** The last lines of the log. Secrets are taken out of the whole text, as some of them are longer than a line. */
async function logLines({ log }: DumpFlags, { input }: Surroundings, known: readonly string[]): Promise<object> {
  if (log === undefined) return { failed: 'no --log FILE was named; - is standard input' };
  const text = log === '-' ? await endOf(input) : await tailOf(log);
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
