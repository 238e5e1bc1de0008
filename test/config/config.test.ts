import { describe, expect, it } from '@jest/globals';
import { isLoopback, parseAddress } from '../../src/base/address.js';
import { ConfigError, readConfig, type Sources } from '../../src/config/config.js';
import { environmentName, parseDurationMs } from '../../src/config/option.js';
import { OPTIONS } from '../../src/config/options.js';
import { doorLimits, feedLimits, replicaLimits, systemLimits } from '../../src/config/part-limits.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { DEFAULT_FEED_LIMITS } from '../../src/feed/limits.js';
import { DEFAULT_DOOR_LIMITS } from '../../src/grpc/limits.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { DEFAULT_SYSTEM_LIMITS } from '../../src/system/limits.js';

const nothing: Sources = {
  flags: {},
  env: {},
  platform: 'linux',
  home: '/home/ann',
  readFile: () => {
    throw new Error('no file was named');
  },
};

function fromFile(content: string, more: Partial<Sources> = {}): Sources {
  return { ...nothing, flags: { config: 'yard.json' }, readFile: () => content, ...more };
}

/** Every problem that reading reports; none when it succeeds. */
function problemsOf(sources: Partial<Sources>): readonly string[] {
  try {
    readConfig({ ...nothing, ...sources });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('where options come from', () => {
  it('needs none of them: all have defaults', () => {
    const config = readConfig(nothing);
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8768 });
    expect(config.data).toBe('/home/ann/.local/share/switchyard');
    expect(config.metricsListen).toBeUndefined();
    expect(config.json).toBe(false);
  });

  it('takes a flag before the environment, the environment before the file, the file before the default', () => {
    const file = '{"listen": "127.0.0.1:3", "grace": "3s", "session-ttl": "40s", "history-revisions": 5, "json": true}';
    const config = readConfig(
      fromFile(file, {
        flags: { config: 'yard.json', listen: '127.0.0.1:1' },
        env: { SWITCHYARD_LISTEN: '127.0.0.1:2', SWITCHYARD_GRACE: '2s', SWITCHYARD_SESSION_TTL: '' },
      }),
    );
    expect(config.listen.port).toBe(1);
    expect(config.graceMs).toBe(2000);
    expect(config.sessionTtlMs).toBe(40_000);
    expect(config.historyRevisionsMax).toBe(5);
    expect(config.json).toBe(true);
    expect(config.orderDeadlineMs).toBe(30_000);
  });

  it('is, for who chooses nothing, what the parts are made for', () => {
    const config = readConfig(nothing);
    expect(replicaLimits(config)).toEqual(DEFAULT_REPLICA_LIMITS);
    expect(feedLimits(config)).toEqual(DEFAULT_FEED_LIMITS);
    expect(doorLimits(config)).toEqual(DEFAULT_DOOR_LIMITS);
    expect(systemLimits(config)).toEqual(DEFAULT_SYSTEM_LIMITS);
    expect(config.limits).toEqual(DEFAULT_LIMITS);
  });

  it('finds the config file through the environment too', () => {
    const config = readConfig(
      fromFile('{"data": "/srv/yard"}', { flags: {}, env: { SWITCHYARD_CONFIG: 'yard.json' } }),
    );
    expect(config.data).toBe('/srv/yard');
  });

  it('keeps its data where the platform wants it', () => {
    expect(readConfig({ ...nothing, env: { XDG_DATA_HOME: '/data' } }).data).toBe('/data/switchyard');
    expect(readConfig({ ...nothing, env: { XDG_DATA_HOME: 'relative' } }).data).toBe(
      '/home/ann/.local/share/switchyard',
    );
    expect(readConfig({ ...nothing, platform: 'darwin', home: '/Users/ann' }).data).toBe(
      '/Users/ann/Library/Application Support/switchyard',
    );
  });

  it('asks for --data where the user has no home folder, unless a folder is named another way', () => {
    const homeless = { ...nothing, home: undefined };
    expect(() => readConfig(homeless)).toThrow('--data: is needed, because this user has no home folder');
    expect(() => readConfig({ ...homeless, platform: 'darwin' })).toThrow('--data: is needed');
    expect(readConfig({ ...homeless, env: { XDG_DATA_HOME: '/data' } }).data).toBe('/data/switchyard');
    expect(readConfig({ ...homeless, flags: { data: '/srv' } }).data).toBe('/srv');
  });

  it('gives every option a flag, a variable and a default that passes its own check', () => {
    const options = Object.values(OPTIONS);
    expect(new Set(options.map((option) => option.flag)).size).toBe(options.length);
    for (const option of options) {
      expect(environmentName(option.flag)).toMatch(/^SWITCHYARD_[A-Z0-9_]+$/);
      const { fallback } = option;
      if (fallback !== undefined) expect(() => option.parse(fallback)).not.toThrow();
    }
  });
});

describe('values that cannot be', () => {
  const wrong: [flag: string, value: string, says: string][] = [
    ['listen', '8768', 'HOST:PORT'],
    ['listen', 'localhost:65536', 'HOST:PORT'],
    ['listen', '::1:8768', 'HOST:PORT'],
    ['listen', '[127.0.0.1]:8768', 'HOST:PORT'],
    ['listen', 'http://localhost:8768', 'HOST:PORT'],
    ['metrics-listen', '', 'HOST:PORT'],
    ['data', '', 'not be empty'],
    ['json', 'yes', 'true or false'],
    ['session-ttl', '30', 'a duration such as'],
    ['session-ttl', '-5s', 'a duration such as'],
    ['journal', 'redis://here:1', 'must be etcd://HOST:PORT[,HOST:PORT...], or etcds:// for TLS, with 1 to 9 members'],
    ['journal', 'etcd://', 'must be etcd://HOST:PORT[,HOST:PORT...], or etcds:// for TLS, with 1 to 9 members'],
    [
      'journal',
      `etcd://${'h:1,'.repeat(9)}h:1`,
      'must be etcd://HOST:PORT[,HOST:PORT...], or etcds:// for TLS, with 1 to 9 members',
    ],
    ['journal', 'etcd://here:1,there', 'must be HOST:PORT'],
    [
      'advertise',
      'dns:8768',
      'must not have the host "dns", which gRPC reads as a kind of address: give its full name',
    ],
    ['advertise', 'here:1,IPv4:8768', 'must not have the host "IPv4"'],
    ['advertise', 'unix:/run/switchyard.sock', 'must be HOST:PORT'],
    ['advertise', `${'a'.repeat(260)}:1`, 'must be at most 261 bytes'],
    ['advertise', 'here:0', 'must have a port, which is not 0'],
    ['peer-advertise', 'unix:8769', 'must not have the host "unix"'],
    ['peer-advertise', 'here:0', 'must have a port, which is not 0'],
    ['network', 'A_b', 'must have 1 to 32 of a-z, 0-9 and -'],
    ['network', 'n'.repeat(33), 'must have 1 to 32 of a-z, 0-9 and -'],
    ['name', 'a/b', 'must have 1 to 253 of a-z, A-Z, 0-9, _, . and -, with a letter, a digit or _ first'],
    ['name', 'n'.repeat(254), 'must have 1 to 253 of'],
    ['leader-ttl', '1s', 'must be 2s to 24d'],
    ['session-ttl', '1ms', 'must be 10ms to 24d'],
    ['session-ttl', '25d', 'must be 10ms to 24d'],
    ['history-bytes', '1MB', 'a size such as'],
    ['history-bytes', '1KiB', 'must be 64KiB to 16GiB'],
    ['history-revisions', '0', 'a whole number, 1-100000000'],
    ['history-revisions', '1e3', 'a whole number'],
    ['log-level', 'loud', 'one of silent, error, warn, info, debug'],
  ];
  it.each(wrong)('refuses --%s %j', (flag, value, says) => {
    const [problem, ...others] = problemsOf({ flags: { [flag]: value } });
    expect(problem).toContain(`--${flag}: ${JSON.stringify(value)} `);
    expect(problem).toContain(says);
    expect(others).toEqual([]);
  });

  it('takes the names of hosts for --advertise that only begin like a kind of address', () => {
    const text = 'dns.example.org:1,unix-host:2,[::1]:3';
    expect(readConfig({ ...nothing, flags: { advertise: text } }).advertise).toEqual([
      { host: 'dns.example.org', port: 1 },
      { host: 'unix-host', port: 2 },
      { host: '::1', port: 3 },
    ]);
  });

  it('names every mistake at once, and where each stands', () => {
    const sources = fromFile('{"grace": "soon", "colour": 1, "data": ["a"]}', { env: { SWITCHYARD_LISTEN: 'here' } });
    expect(problemsOf(sources)).toEqual([
      'yard.json: colour: no such option; see switchyard serve --help',
      'yard.json: data: must be a string, a number or a boolean',
      expect.stringMatching(/^SWITCHYARD_LISTEN: "here" must be HOST:PORT/),
      expect.stringMatching(/^yard\.json: grace: "soon" must be a duration/),
    ]);
  });

  it('refuses a config file that is not there, not JSON or not an object', () => {
    expect(problemsOf({ flags: { config: 'gone.json' } })[0]).toMatch(/^gone\.json: cannot be read as JSON: no file/);
    expect(problemsOf(fromFile('{'))[0]).toMatch(/^yard\.json: cannot be read as JSON/);
    expect(problemsOf(fromFile('[]'))).toEqual(['yard.json: must hold one JSON object']);
    expect(problemsOf(fromFile('{"config": "other.json"}'))[0]).toContain('no such option');
  });

  it('never repeats a secret', () => {
    expect(problemsOf({ flags: { 'admin-token': 'tell nobody' } })).toEqual([
      '--admin-token: must have 16-255 characters of visible ASCII, without spaces',
    ]);
    expect(problemsOf({ flags: { otlp: 'https://user:tell-nobody@collector.example' } })).toEqual([
      '--otlp: "https://collector.example" must have no user and password: what the collector asks for is given by OTEL_EXPORTER_OTLP_HEADERS',
    ]);
    expect(problemsOf({ flags: { listen: 'user:tell-nobody@host' } }).join()).not.toContain('tell-nobody');
  });

  it('refuses options that contradict each other', () => {
    expect(problemsOf({ flags: { 'session-ttl': '1s' } })[0]).toContain('between --session-ttl-min and');
    expect(problemsOf({ flags: { 'tls-cert': 'a.pem' } })[0]).toContain('go together');
    expect(problemsOf({ flags: { 'tls-client-ca': 'a.pem' } })).toEqual([
      '--tls-client-ca needs TLS at --listen: --tls-cert and --tls-key, or an address beyond loopback',
    ]);
    expect(problemsOf({ flags: { 'identity-ca': 'a.pem', 'tls-client-ca': 'b.pem', listen: '0.0.0.0:1' } })).toEqual([
      '--identity-ca and --tls-client-ca: a port can ask for certificates of one of them',
    ]);
    expect(problemsOf({ flags: { 'identity-ca': 'a.pem' } })).toEqual([
      '--identity-ca needs TLS at --listen: --tls-cert and --tls-key, or an address beyond loopback',
    ]);
    expect(problemsOf({ flags: { 'metrics-listen': '0.0.0.0:1', data: ':memory:' } })).toEqual([
      '--metrics-listen beyond loopback with --data :memory: needs --metrics-token',
    ]);
  });
});

describe('an etcd', () => {
  const passwords = { readFile: () => 'of the yard\n' };

  it('is reached over TLS by etcds://, with the password from a file or the environment', () => {
    const flags = { journal: 'etcds://a:1,b:2', 'etcd-user': 'yard' };
    const fromVariable = readConfig({ ...nothing, flags, env: { SWITCHYARD_ETCD_PASSWORD: 'secret' } });
    expect(fromVariable.journal).toEqual({
      members: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      isEncrypted: true,
    });
    expect(fromVariable.etcdPassword).toBe('secret');
    const both = { ...flags, 'etcd-password-file': 'password' };
    const fromNamed = readConfig({
      ...nothing,
      ...passwords,
      flags: both,
      env: { SWITCHYARD_ETCD_PASSWORD: 'secret' },
    });
    expect(fromNamed.etcdPassword).toBe('of the yard');
  });

  it('is refused where files, user and address do not go together', () => {
    const far = 'etcd://10.0.0.1:2379';
    expect(problemsOf({ flags: { journal: far, 'etcd-ca': 'ca.pem' } })).toEqual([
      '--etcd-ca, --etcd-cert and --etcd-key need TLS: --journal etcds://HOST:PORT',
    ]);
    expect(problemsOf({ flags: { journal: 'etcds://a:1', 'etcd-cert': 'cert.pem' } })).toEqual([
      '--etcd-cert and --etcd-key go together: give both or neither',
    ]);
    const [plain, ...others] = problemsOf({
      ...passwords,
      flags: { journal: far, 'etcd-user': 'yard', 'etcd-password-file': 'f' },
    });
    expect(plain).toBe(
      '--etcd-user beyond loopback needs TLS, or others read the password: --journal etcds://HOST:PORT',
    );
    expect(others).toEqual([]);
    expect(problemsOf({ flags: { journal: 'etcds://a:1', 'etcd-user': 'yard' } })).toEqual([
      '--etcd-user needs a password: --etcd-password-file FILE, or SWITCHYARD_ETCD_PASSWORD',
    ]);
    expect(problemsOf({ flags: { 'etcd-user': 'yard' }, env: { SWITCHYARD_ETCD_PASSWORD: 'secret' } })).toEqual([
      '--etcd-user needs --journal',
    ]);
    expect(problemsOf({ ...passwords, flags: { 'etcd-password-file': 'f' } })).toEqual([
      '--etcd-password-file needs --etcd-user',
    ]);
    expect(problemsOf({ flags: { 'renew-epoch': true } })).toEqual([
      '--renew-epoch needs --journal; of a data folder switchyard journal new-epoch renews it',
    ]);
    const [inUrl] = problemsOf({ flags: { journal: 'etcds://yard:secret@a:1' } });
    expect(inUrl).toContain('must have no user');
    expect(inUrl).not.toContain('secret');
  });
});

describe('the network of a server', () => {
  const journal = 'etcd://here:1';

  it('is refused without --journal, where it would be passed over in silence', () => {
    expect(problemsOf({ flags: { network: 'north' } })).toEqual([
      '--network needs --journal; further networks of a data folder are made by switchyard network create',
    ]);
    expect(readConfig({ ...nothing, flags: { network: 'north', journal } }).network).toBe('north');
  });

  it('is not read from SWITCHYARD_NETWORK, which commands read too, without --journal', () => {
    for (const name of ['north', 'No Name'])
      expect(readConfig({ ...nothing, env: { SWITCHYARD_NETWORK: name } }).network).toBe('default');
    const inEtcd = { ...nothing, flags: { journal } };
    expect(readConfig({ ...inEtcd, env: { SWITCHYARD_NETWORK: 'north' } }).network).toBe('north');
    expect(problemsOf({ ...inEtcd, env: { SWITCHYARD_NETWORK: 'No Name' } })).toEqual([
      'SWITCHYARD_NETWORK: "No Name" must have 1 to 32 of a-z, 0-9 and -',
    ]);
  });
});

describe('the console', () => {
  const flags = { 'console-listen': '127.0.0.1:0', data: '/somewhere' };

  it('is off unless it is asked for, and by --console on 127.0.0.1:8771', () => {
    expect(readConfig({ ...nothing, flags: {} }).consoleListen).toBeUndefined();
    expect(readConfig({ ...nothing, flags: { console: true } }).consoleListen).toEqual({
      host: '127.0.0.1',
      port: 8771,
    });
    expect(readConfig({ ...nothing, flags: { ...flags, console: true } }).consoleListen?.port).toBe(0);
  });

  it('must have a token to make logins of', () => {
    expect(problemsOf({ flags: { ...flags, data: ':memory:' } })).toEqual([
      '--console-listen with --data :memory: needs --admin-token, from which its logins are made',
    ]);
    expect(problemsOf({ flags: { 'console-origin': 'https://fleet.example' } })).toEqual([
      '--console-origin needs --console-listen or --console',
    ]);
  });
});

describe('values that can be', () => {
  it('tells which addresses only this machine can reach', () => {
    for (const near of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1']) {
      expect(isLoopback(parseAddress(near))).toBe(true);
    }
    for (const far of ['0.0.0.0:1', '[::]:1', '128.0.0.1:1', '127.example.com:1', '[::2]:1']) {
      expect(isLoopback(parseAddress(far))).toBe(false);
    }
  });

  it('sets the bounds of the core', () => {
    const { limits } = readConfig({ ...nothing, flags: { 'streams-per-session-max': '3' } });
    expect(limits).toEqual({ ...DEFAULT_LIMITS, streamsPerSessionMax: 3 });
  });

  it('reads addresses, durations and sizes', () => {
    const flags = { listen: '[::1]:0', 'session-ttl': '1.5m', grace: '250ms', 'history-bytes': '2GiB' };
    const config = readConfig({ ...nothing, flags: { ...flags, 'message-bytes': '65536' } });
    expect(config.listen).toEqual({ host: '::1', port: 0 });
    expect(config.sessionTtlMs).toBe(90_000);
    expect(config.graceMs).toBe(250);
    expect(parseDurationMs('0.4ms')).toBe(1);
    expect(parseDurationMs('0ms')).toBe(0);
    expect(config.historyBytesMax).toBe(2 * 1024 ** 3);
    expect(config.messageBytesMax).toBe(65_536);
  });
});
