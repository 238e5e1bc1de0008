import { join } from 'node:path';
import { type Address, isLoopback } from '../base/address.js';
import { asError } from '../base/errors.js';
import { entriesOf } from '../base/tables.js';
import { ValueError } from '../base/value-error.js';
import { withoutCredentials } from '../base/without-credentials.js';
import type { Limits } from '../core/model/limits.js';
import { DEFAULT_NETWORK } from '../core/model/network.js';
import { ETCD_OPTIONS, etcdContradictions, readEtcdPassword } from './etcd-options.js';
import { isExposed } from './exposure.js';
import { limitsOf } from './limit-options.js';
import { environmentName, type Option } from './option.js';
import { type Config, IN_MEMORY, OPTIONS } from './options.js';
import { tlsPlan } from './tls-plan.js';

/** Longer, and nobody takes over on the same day. */
const LEADER_TTL_MS_MAX = 3_600_000;

/** `--console`. */
const CONSOLE_ADDRESS: Address = { host: '127.0.0.1', port: 8771 };

/** Where options come from. Given in, so that a test needs no real environment and no disk. */
export interface Sources {
  /** Given flags, by name without dashes. */
  readonly flags: Readonly<Record<string, string | boolean>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The user's home folder; undefined where there is none. */
  readonly home: string | undefined;
  /** `trusted`: what it says is acted on, or is a secret, so that one that others can change is refused. */
  readFile(path: string, kind?: 'trusted'): string;
}

/** Options that cannot be: every problem at once, each with where it stands and what is allowed. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

/** A written value and where it stood. */
interface Written {
  readonly text: string;
  readonly where: string;
}

/**
 * Reads and checks every option. A flag wins over the environment, the environment over the config file, the file over
 * the default. Throws a {@link ConfigError} with all mistakes, not only the first.
 */
export function readConfig(sources: Sources): Config {
  const problems: string[] = [];
  const file = readConfigFile(sources, problems);
  const own = asForServer(sources, file);
  const values: Record<string, unknown> = {};
  for (const [key, option] of entriesOf<string, Option<unknown>>(OPTIONS)) {
    const written = findWritten(option, own, file);
    try {
      values[key] = written === undefined ? undefined : option.parse(written.text);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const shown = option.secret ? '' : ` ${JSON.stringify(withoutCredentials(written?.text ?? ''))}`;
      problems.push(`${written?.where}:${shown} ${error.message}`);
    }
  }
  if (values.data === undefined) {
    values.data = defaultDataFolder(sources);
    if (isNowhere(values.data as string)) problems.push(HOMELESS);
  }
  if (values.console === true) values.consoleListen ??= CONSOLE_ADDRESS;
  values.etcdPassword = passwordOf(values.etcdPasswordFile as string | undefined, sources, problems);
  const config = { ...values, limits: limitsOf(values as unknown as Limits) } as unknown as Config;
  if (problems.length === 0) problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/**
 * Where options come from, without what the environment says to commands alone: SWITCHYARD_NETWORK is also the network that they are about,
 * and a server without `--journal` has no one network.
 */
function asForServer(sources: Sources, file: Map<string, Written>): Sources {
  if (findWritten(OPTIONS.journal, sources, file) !== undefined) return sources;
  return { ...sources, env: { ...sources.env, [environmentName(OPTIONS.network.flag)]: undefined } };
}

/** Where an option is written, the strongest source first. */
export function findWritten(
  option: Option<unknown>,
  sources: Sources,
  file: Map<string, Written>,
): Written | undefined {
  const flag = sources.flags[option.flag];
  if (flag !== undefined) return { text: String(flag), where: `--${option.flag}` };
  const name = environmentName(option.flag);
  const variable = sources.env[name];
  // An empty variable is how a shell unsets one for a single command.
  if (variable !== undefined && variable !== '') return { text: variable, where: name };
  const inFile = file.get(option.flag);
  if (inFile !== undefined) return inFile;
  return option.fallback === undefined ? undefined : { text: option.fallback, where: `default of --${option.flag}` };
}

/** The config file's values by flag; empty when no file is named. */
export function readConfigFile(sources: Sources, problems: string[]): Map<string, Written> {
  const values = new Map<string, Written>();
  const path = findWritten(OPTIONS.config, sources, values)?.text;
  if (path === undefined || path === '') return values;
  let content: unknown;
  try {
    content = JSON.parse(sources.readFile(path, 'trusted'));
  } catch (error) {
    problems.push(`${path}: cannot be read as JSON: ${asError(error).message}`);
    return values;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push(`${path}: must hold one JSON object`);
    return values;
  }
  const known = new Set(Object.values(OPTIONS).map((option) => option.flag));
  for (const [flag, value] of Object.entries(content)) {
    const where = `${path}: ${flag}`;
    if (!known.has(flag) || flag === OPTIONS.config.flag) {
      problems.push(`${where}: no such option; see switchyard serve --help`);
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      values.set(flag, { text: String(value), where });
    } else {
      problems.push(`${where}: must be a string, a number or a boolean`);
    }
  }
  return values;
}

function passwordOf(file: string | undefined, sources: Sources, problems: string[]): string | undefined {
  try {
    return readEtcdPassword(file, sources);
  } catch (error) {
    problems.push(`--${ETCD_OPTIONS.etcdPasswordFile.flag}: ${asError(error).message}`);
    return undefined;
  }
}

/** Options that are sound one by one and not together. */
function contradictions(config: Config): string[] {
  const found: string[] = [];
  if (config.sessionTtlMinMs > config.sessionTtlMs || config.sessionTtlMs > config.sessionTtlMaxMs) {
    found.push('--session-ttl must lie between --session-ttl-min and --session-ttl-max');
  }
  if (config.journal !== undefined && config.leaderTtlMs > LEADER_TTL_MS_MAX) {
    found.push('--leader-ttl must be 2s to 1h');
  }
  if (config.network !== DEFAULT_NETWORK && config.journal === undefined) {
    found.push('--network needs --journal; further networks of a data folder are made by switchyard network create');
  }
  if (config.renewEpoch && config.journal === undefined) {
    found.push('--renew-epoch needs --journal; of a data folder switchyard journal new-epoch renews it');
  }
  found.push(...peerContradictions(config), ...etcdContradictions(config));
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    found.push('--tls-cert and --tls-key go together: give both or neither');
  }
  if (config.tlsClientCa !== undefined && !tlsPlan(config).grpc) {
    found.push('--tls-client-ca needs TLS at --listen: --tls-cert and --tls-key, or an address beyond loopback');
  }
  if (config.identityCa !== undefined && config.tlsClientCa !== undefined) {
    found.push('--identity-ca and --tls-client-ca: a port can ask for certificates of one of them');
  }
  if (config.identityCa !== undefined && !tlsPlan(config).grpc) {
    found.push('--identity-ca needs TLS at --listen: --tls-cert and --tls-key, or an address beyond loopback');
  }
  const { metricsListen, metricsToken } = config;
  if (metricsListen !== undefined && !isLoopback(metricsListen) && config.data === IN_MEMORY && !metricsToken) {
    found.push(`--metrics-listen beyond loopback with --data ${IN_MEMORY} needs --metrics-token`);
  }
  if (config.auth !== undefined && config.auth !== 'required' && isExposed(config) && !config.allowOpen) {
    found.push(`--auth ${config.auth} where others can reach a port needs --allow-open`);
  }
  found.push(...consoleContradictions(config));
  if (config.webListen === undefined && config.webOrigins !== undefined) found.push('--web-origin needs --web-listen');
  if (config.wsOrigins !== undefined && config.systemWsListen === undefined && config.systemWssListen === undefined) {
    found.push('--ws-origin needs --system-ws-listen or --system-wss-listen');
  }
  return found;
}

/** Servers prove themselves to each other, but where nobody else is. */
function peerContradictions({ journal, peerListen, peerAdvertise, peerCert, peerKey, peerCa }: Config): string[] {
  const files = [peerCert, peerKey, peerCa].filter((file) => file !== undefined);
  if (files.length > 0 && files.length < 3) return ['--peer-cert, --peer-key and --peer-ca go together'];
  if (journal === undefined || files.length === 3) return [];
  const far = [peerListen, peerAdvertise].some((one) => one !== undefined && !isLoopback(one));
  return far ? ['--peer-listen and --peer-advertise beyond loopback need --peer-cert, --peer-key and --peer-ca'] : [];
}

function consoleContradictions({ consoleListen, consoleOrigins, data, adminToken }: Config): string[] {
  if (consoleListen === undefined) {
    return consoleOrigins === undefined ? [] : ['--console-origin needs --console-listen or --console'];
  }
  if (data !== IN_MEMORY || adminToken !== undefined) return [];
  return [`--console-listen with --data ${IN_MEMORY} needs --admin-token, from which its logins are made`];
}

/** The home of users who have none, as Debian calls it: nothing is found there, and nobody but root could make it. */
const NO_HOME = '/nonexistent';
const NO_HOME_FOLDER = 'this user has no home folder: HOME is not set, and there is no entry in the user database';
const HOMELESS = `--data: is needed, because ${NO_HOME_FOLDER}`;

function isNowhere(folder: string): boolean {
  return folder.startsWith(`${NO_HOME}/`);
}

/** Why nothing can be kept in {@link defaultDataFolder}; undefined where that is the folder of a user. */
export function whyNothingIsKept(place: Pick<Sources, 'env' | 'platform' | 'home'>): string | undefined {
  return isNowhere(defaultDataFolder(place)) ? NO_HOME_FOLDER : undefined;
}

/**
 * Where an application keeps what it knows: the XDG base directories, or Application Support on macOS. Of a user without a home
 * it is a folder that does not exist: reading finds nothing, and the server asks for another.
 */
export function defaultDataFolder({
  env,
  platform,
  home = NO_HOME,
}: Pick<Sources, 'env' | 'platform' | 'home'>): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'switchyard');
  // The specification says to ignore a relative path.
  const base = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local', 'share');
  return join(base, 'switchyard');
}
