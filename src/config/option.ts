import { AddressSet } from '../admission/address-set.js';
import { parseOrigins, type WebOrigin } from '../admission/web-guard.js';
import { type Address, parseAddress, parseGrpcAddress } from '../base/address.js';
import { asError } from '../base/errors.js';
import { ValueError } from '../base/value-error.js';
import { NETWORK_NAME, NETWORK_NAME_HAS } from '../core/model/network.js';
import { SERVER_NAME, SERVER_NAME_HAS } from '../core/model/server.js';
import { tracesUrl } from '../tracing/traces-url.js';

/**
 * One option of `serve`: its names, its kind of value and its default.
 *
 * Flag, environment variable, key in the config file, help text and the table in docs/operations.md are all made from
 * this, so that they cannot drift apart.
 */
export interface Option<T> {
  /** The flag without its dashes, which is also the key in the config file. */
  readonly flag: string;
  /** What stands for the value in help texts; empty for a switch, which has none. */
  readonly placeholder: string;
  /** The default, written as a person would write it; undefined when the option is off unless it is given. */
  readonly fallback: string | undefined;
  /** What it does, in one or two sentences. */
  readonly help: string;
  /** True for a value that is not to be shown, in an error or a log. */
  readonly secret?: boolean;
  /** True for values separated by commas. The flag may be given again, which adds to them. */
  readonly isList?: boolean;
  /** Checks a written value. Throws a {@link ValueError} that says what is allowed. */
  readonly parse: (text: string) => T;
}

/** The environment variable of an option: `session-ttl` is SWITCHYARD_SESSION_TTL. */
export function environmentName(flag: string): string {
  return `SWITCHYARD_${flag.replaceAll('-', '_').toUpperCase()}`;
}

/** Where to listen, always. */
export function address(flag: string, fallback: string, help: string): Option<Address> {
  return { flag, placeholder: 'HOST:PORT', fallback, help, parse: parseAddress };
}

/** Where to listen, if at all. */
export function optionalAddress(flag: string, help: string): Option<Address | undefined> {
  return { flag, placeholder: 'HOST:PORT', fallback: undefined, help, parse: parseAddress };
}

/** Where others reach this server by gRPC, if it is said. */
export function optionalGrpcAddress(flag: string, help: string): Option<Address | undefined> {
  return { flag, placeholder: 'HOST:PORT', fallback: undefined, help, parse: parseGrpcAddress };
}

/** Addresses of one server that clients are told: as many as a refusal or a ticket names. */
const ADDRESSES_MAX = 8;

/** A list of addresses, if given. */
export function optionalGrpcAddresses(flag: string, help: string): Option<readonly Address[] | undefined> {
  const parse = (text: string) => {
    const addresses = text.split(',').map(parseGrpcAddress);
    if (addresses.length > ADDRESSES_MAX) throw new ValueError(`must be at most ${ADDRESSES_MAX} addresses`);
    return addresses;
  };
  return { flag, placeholder: 'HOST:PORT[,HOST:PORT…]', fallback: undefined, help, isList: true, parse };
}

/** Where a shared log is: the members of an etcd. */
export interface LogAddress {
  readonly members: readonly Address[];
  /** Whether they speak TLS. */
  readonly isEncrypted: boolean;
}

/** Members of an etcd that may be named: more make it slower, and nobody runs them. */
const MEMBERS_MAX = 9;

/** Where a shared log is, if there is one. */
export function optionalLog(flag: string, help: string): Option<LogAddress | undefined> {
  return { flag, placeholder: 'URL', fallback: undefined, help, parse: parseLogAddress };
}

/** Reads `etcd://HOST:PORT[,HOST:PORT…]`, or `etcds://` for TLS. Throws a {@link ValueError}. */
export function parseLogAddress(text: string): LogAddress {
  const [, scheme, hosts = ''] = /^(etcds?):\/\/([^/]+)\/?$/.exec(text) ?? [];
  const members = hosts.split(',');
  if (scheme === undefined || members.length > MEMBERS_MAX) {
    throw new ValueError(
      `must be etcd://HOST:PORT[,HOST:PORT...], or etcds:// for TLS, with 1 to ${MEMBERS_MAX} members`,
    );
  }
  if (hosts.includes('@')) {
    throw new ValueError('must have no user: name one with --etcd-user, and its password with --etcd-password-file');
  }
  return { members: members.map(parseAddress), isEncrypted: scheme === 'etcds' };
}

/** The name of a network in a shared log: what clients can name, and nothing else. */
export function networkName(flag: string, fallback: string, help: string): Option<string> {
  const parse = (text: string) => {
    if (!NETWORK_NAME.test(text)) throw new ValueError(`must have ${NETWORK_NAME_HAS}`);
    return text;
  };
  return { flag, placeholder: 'NAME', fallback, help, parse };
}

/** The name of a server among others, if given. */
export function optionalServerName(flag: string, help: string): Option<string | undefined> {
  const parse = (text: string) => {
    if (!SERVER_NAME.test(text)) throw new ValueError(`must have ${SERVER_NAME_HAS}`);
    return text;
  };
  return { flag, placeholder: 'NAME', fallback: undefined, help, parse };
}

/** A set of networks; nobody is in it unless it is given. */
export function optionalNetworks(flag: string, help: string): Option<AddressSet | undefined> {
  return { flag, placeholder: 'CIDR[,CIDR…]', fallback: undefined, help, isList: true, parse: AddressSet.parse };
}

/** Origins of web pages, if given. */
export function optionalOrigins(flag: string, help: string): Option<readonly WebOrigin[] | undefined> {
  return { flag, placeholder: 'ORIGIN[,ORIGIN…]', fallback: undefined, help, isList: true, parse: parseOrigins };
}

/** A path or a word, if given. */
export function optionalText(flag: string, placeholder: string, help: string): Option<string | undefined> {
  const parse = (text: string) => {
    if (text === '') throw new ValueError('must not be empty');
    return text;
  };
  return { flag, placeholder, fallback: undefined, help, parse };
}

/** Where a collector takes traces over HTTP: the whole URL, with the path that OTLP has for them. */
export function optionalCollector(flag: string, help: string): Option<string | undefined> {
  const parse = (text: string) => {
    try {
      return tracesUrl(text);
    } catch (error) {
      throw new ValueError(asError(error).message);
    }
  };
  return { flag, placeholder: 'URL', fallback: undefined, help, parse };
}

/** The fewest characters of a secret: 16 of a random alphabet of 64 make 96 bits. */
const SECRET_LENGTH_MIN = 16;

/** A secret that travels as gRPC metadata, if given. */
export function optionalSecret(flag: string, help: string): Option<string | undefined> {
  const parse = (text: string) => {
    if (!/^[\x21-\x7e]*$/.test(text) || text.length < SECRET_LENGTH_MIN || text.length > 255) {
      throw new ValueError(`must have ${SECRET_LENGTH_MIN}-255 characters of visible ASCII, without spaces`);
    }
    return text;
  };
  return { flag, placeholder: 'TOKEN', fallback: undefined, help, secret: true, parse };
}

/** One of a few words. */
export function choice<W extends string>(flag: string, words: readonly W[], fallback: W, help: string): Option<W> {
  const parse = (text: string) => {
    const word = words.find((w) => w === text);
    if (word === undefined) throw new ValueError(`must be one of ${words.join(', ')}`);
    return word;
  };
  return { flag, placeholder: 'WORD', fallback, help: `${help} One of ${words.join(', ')}.`, parse };
}

/** One of a few words, if given. */
export function optionalChoice<W extends string>(
  flag: string,
  words: readonly W[],
  help: string,
): Option<W | undefined> {
  return { ...choice(flag, words, words[0], help), fallback: undefined };
}

/** On or off. As a flag it has no value; in the environment and in the file it is `true` or `false`. */
export function toggle(flag: string, help: string): Option<boolean> {
  const parse = (text: string) => {
    if (text !== 'true' && text !== 'false') throw new ValueError('must be true or false');
    return text === 'true';
  };
  return { flag, placeholder: '', fallback: 'false', help, parse };
}

/** A whole number, bounds included. */
export function count(flag: string, fallback: number, bounds: readonly [number, number], help: string): Option<number> {
  const [min, max] = bounds;
  const parse = (text: string) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new ValueError(`must be a whole number, ${min}-${max}`);
    return value;
  };
  return { flag, placeholder: 'COUNT', fallback: String(fallback), help, parse };
}

/** The same, if given. */
export function optionalCount(
  flag: string,
  bounds: readonly [number, number],
  help: string,
): Option<number | undefined> {
  return { ...count(flag, 0, bounds, help), fallback: undefined };
}

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Timers count milliseconds in 31 bits; a longer wait would fire at once. */
const DURATION_MAX = '24d';

/** Reads `250ms`, `30s`, `1.5m`, `12h`, `2d` as milliseconds. Throws a {@link ValueError}. */
export function parseDurationMs(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (found === null) throw new ValueError('must be a duration such as 250ms, 30s, 5m, 12h or 1d');
  const ms = Number(found[1]) * MS[found[2] as keyof typeof MS];
  // 0 switches some things off, which a fraction of a millisecond does not ask for.
  return Math.max(Math.round(ms), Math.sign(ms));
}

/** A time span, in milliseconds. */
export function duration(flag: string, fallback: string, min: string, help: string): Option<number> {
  const parse = (text: string) => {
    const ms = parseDurationMs(text);
    if (ms < parseDurationMs(min) || ms > parseDurationMs(DURATION_MAX)) {
      throw new ValueError(`must be ${min} to ${DURATION_MAX}`);
    }
    return ms;
  };
  return { flag, placeholder: 'TIME', fallback, help, parse };
}

const BYTES = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Reads `65536`, `64KiB`, `16MiB`, `2GiB` as bytes. Throws a {@link ValueError}. */
export function parseBytes(text: string): number {
  const found = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(text);
  if (found === null) throw new ValueError('must be a size such as 65536, 64KiB, 16MiB or 1GiB');
  return Number(found[1]) * BYTES[(found[2] ?? '') as keyof typeof BYTES];
}

/** A size, in bytes. */
export function bytes(flag: string, fallback: string, bounds: readonly [string, string], help: string): Option<number> {
  const [min, max] = bounds;
  const parse = (text: string) => {
    const size = parseBytes(text);
    if (size < parseBytes(min) || size > parseBytes(max)) throw new ValueError(`must be ${min} to ${max}`);
    return size;
  };
  return { flag, placeholder: 'SIZE', fallback, help, parse };
}

/** The same, if given. */
export function optionalBytes(
  flag: string,
  bounds: readonly [string, string],
  help: string,
): Option<number | undefined> {
  return { ...bytes(flag, '', bounds, help), fallback: undefined };
}
