import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import type { EtcdAccess } from '../../src/log/etcd/access.js';
import { parts, records, revisionsAfter } from '../journal/reading.js';
import { makeAuthority } from '../trust/client-certificate.js';
import { openLog } from './etcd-disk.js';
import { EtcdProcess, lacksEtcd, TLS_FILES } from './etcd-process.js';
import { refuseStatus } from './status-refused.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: TLS and authentication of a real etcd: ${lacks}\n`);

jest.setTimeout(60_000);

const [ca, cert, key] = [TLS_FILES.ca, TLS_FILES.cert, TLS_FILES.key].map((file) => readFileSync(file));
const TLS = { ca, cert, key };
const USER = { name: 'yard', password: 'of the yard' };

(lacks ? describe.skip : describe)('an etcd that not everybody may use', () => {
  const started: EtcdProcess[] = [];

  afterEach(async () => {
    for (const etcd of started.splice(0)) await etcd.remove();
  });

  async function start(options: Parameters<typeof EtcdProcess.start>[0] = {}): Promise<EtcdProcess> {
    const etcd = await EtcdProcess.start(options);
    started.push(etcd);
    return etcd;
  }

  /** Leads, writes, makes a snapshot, forgets and reads again: everything that a log asks of etcd. */
  async function useLog(etcd: EtcdProcess, access: EtcdAccess): Promise<void> {
    const log = openLog(etcd.connect(access), 'yard');
    const term = await log.lead();
    try {
      let told = 0;
      const watch = log.watch(() => told++);
      await term.journal.append(records(term.journal.last + 1, term.journal.last + 5));
      await term.journal.writeSnapshot(term.journal.last - 1, parts(term.journal.last - 1, ['a', 'b']));
      await term.journal.compact(term.journal.last - 1);
      expect(await revisionsAfter(term.journal, term.journal.last - 1)).toEqual([term.journal.last]);
      expect((await log.view()).revision).toBe(term.journal.last);
      while (told === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      watch.close();
    } finally {
      await term.resign();
      await log.close();
    }
  }

  it('is used over TLS, with a certificate that it asks for', async () => {
    const etcd = await start({ tls: TLS_FILES });
    await useLog(etcd, { tls: TLS });
  });

  it('is not reached over TLS without the certificate that it asks for, or when its own is of another authority', async () => {
    const etcd = await start({ tls: TLS_FILES });
    const other = Buffer.from(makeAuthority().certificate.toString());
    for (const tls of [{ ca: TLS.ca }, { ...TLS, ca: other }]) {
      const store = etcd.connect({ tls });
      await expect(store.read({ key: 'head' })).rejects.toMatchObject({ kind: 'unclear' });
      store.close();
    }
  });

  it('is used by a user that may read and write its prefix alone, and goes on when it does not know the token any more', async () => {
    const etcd = await start();
    await etcd.turnAuthenticationOn(USER.name, USER.password);
    const access = { user: USER };
    await useLog(etcd, access);

    const log = openLog(etcd.connect(access), 'yard');
    const term = await log.lead();
    let told = 0;
    const watch = log.watch(() => told++);
    const { last } = term.journal;
    await term.journal.append(records(last + 1, last + 1));
    // A token is known to the process that gave it.
    await etcd.kill();
    await etcd.run();
    await term.journal.append(records(last + 2, last + 2));
    const before = told;
    while (told === before) {
      const next = term.journal.last + 1;
      await term.journal.append(records(next, next));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    watch.close();
    await term.resign();
    await log.close();
  });

  it('is led and looked at by a user whom it refuses Status, as from 3.5.28 on', async () => {
    const etcd = await start();
    await etcd.turnAuthenticationOn(USER.name, USER.password);
    const way = await refuseStatus(etcd.port);
    try {
      const warnings: string[] = [];
      const write = (line: string) => void warnings.push(JSON.parse(line).msg);
      const log = openLog(
        way.connect({ user: USER }),
        'yard',
        's1',
        undefined,
        undefined,
        pino({ level: 'warn' }, { write }),
      );
      const term = await log.lead();
      await term.journal.append(records(1, 5));
      await term.journal.writeSnapshot(4, parts(4, ['a', 'b']));
      await term.journal.compact(4);
      expect(await revisionsAfter(term.journal, 4)).toEqual([5]);
      expect(await log.snapshots.look()).toMatchObject({ newest: { revision: 4 }, room: 'enough' });
      // By the start, by compact and by the follower.
      expect(way.refusals).toBeGreaterThan(2);
      expect(warnings).toEqual([expect.stringContaining('etcd answers Status to its administrator alone')]);
      await term.resign();
      await log.close();
    } finally {
      way.end();
    }
  });

  it('can have its authentication turned on while a server with a user uses it', async () => {
    const etcd = await start();
    const log = openLog(etcd.connect({ user: USER }), 'yard');
    const term = await log.lead();
    await term.journal.append(records(1, 2));
    await etcd.turnAuthenticationOn(USER.name, USER.password);
    await term.journal.append(records(3, 4));
    expect(await revisionsAfter(term.journal, 0)).toEqual([1, 2, 3, 4]);
    await term.resign();
    await log.close();
  });

  it('refuses a wrong password, a user of another prefix, and whoever names no user, and says which', async () => {
    const etcd = await start();
    await etcd.turnAuthenticationOn(USER.name, USER.password, '/other/');
    const refusals: [EtcdAccess, string][] = [
      [{ user: { ...USER, password: 'wrong' } }, 'invalid user ID or password'],
      [{ user: USER }, 'permission denied'],
      [{}, 'user name is empty'],
    ];
    for (const [access, message] of refusals) {
      const log = openLog(etcd.connect(access), 'yard');
      await expect(log.view()).rejects.toThrow(message);
      await expect(log.lead()).rejects.toMatchObject({ kind: 'failed', message: expect.stringContaining(message) });
      await log.close();
    }
  });
});
