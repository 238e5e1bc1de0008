import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ManualClock } from '../../../harness/manual-clock.js';
import { systemRandom } from '../../../src/client/system.js';
import type { Config } from '../../../src/config/options.js';
import { CertificateKeeper } from '../../../src/server/certificates/certificates.js';

const MINUTE_MS = 60_000;
const CONFIG = { listen: { host: '127.0.0.1', port: 1 }, tlsCert: 'cert.pem', tlsKey: 'key.pem' } as Config;

/** Its timers go off when the test says so; certificates are judged by the real time. */
class Clock extends ManualClock {
  override wallMs(): number {
    return Date.now();
  }
}

/** A keeper of files that a test replaces. */
async function keep(): Promise<{
  keeper: CertificateKeeper;
  clock: Clock;
  install: (folder: string, key?: string) => void;
  lines: string[];
}> {
  const files = new Map<string, Buffer>();
  const install = (folder: string, key = folder) => {
    files.set('cert.pem', readFileSync(`${folder}/cert.pem`));
    files.set('key.pem', readFileSync(`${key}/key.pem`));
  };
  install('test/cli/tls');
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const clock = new Clock();
  const deps = { names: () => [], clock, random: systemRandom, log, read: (path: string) => files.get(path)! };
  return { keeper: (await CertificateKeeper.open(CONFIG, deps))!, clock, install, lines };
}

const shownBy = ({ files }: CertificateKeeper) => new X509Certificate(files.cert).fingerprint256;
const of = (folder: string) => new X509Certificate(readFileSync(`${folder}/cert.pem`)).fingerprint256;

/** A look ends some turns after its timer. */
async function pass(clock: Clock, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    clock.advance(MINUTE_MS);
    await new Promise(setImmediate);
  }
}

describe('the files of --tls-cert and --tls-key', () => {
  it('are looked at every minute, and put to use when they have changed, without a signal', async () => {
    const { keeper, clock, install } = await keep();
    const changes: unknown[] = [];
    keeper.onChange((files) => changes.push(files));
    await pass(clock, 3);
    expect([shownBy(keeper), changes.length]).toEqual([of('test/cli/tls'), 0]);
    install('test/client/tls');
    await pass(clock, 1);
    expect([shownBy(keeper), changes.length]).toEqual([of('test/client/tls'), 1]);
    keeper.close();
  });

  it('stay as they were while the new ones do not fit each other, which is said once, until they do', async () => {
    const { keeper, clock, install, lines } = await keep();
    install('test/client/tls', 'test/cli/tls');
    await pass(clock, 5);
    expect(shownBy(keeper)).toBe(of('test/cli/tls'));
    expect(lines.filter((line) => line.includes('cannot be used'))).toHaveLength(1);
    install('test/client/tls');
    await pass(clock, 1);
    expect(shownBy(keeper)).toBe(of('test/client/tls'));
    keeper.close();
    install('test/cli/tls');
    await pass(clock, 2);
    expect(shownBy(keeper)).toBe(of('test/client/tls'));
  });
});
