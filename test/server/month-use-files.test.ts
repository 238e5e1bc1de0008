import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { monthUseFiles } from '../../src/server/month-use-files.js';
import { asAdmin, ask, run } from '../grpc/running.js';

describe('the files of what was used in a month', () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'switchyard-month-files-'));
  });
  afterEach(() => rmSync(data, { recursive: true }));

  const put = (name: string, text = name) => writeFileSync(join(data, name), text, { mode: 0o600 });
  const names = () => readdirSync(data).filter((name) => name.startsWith('month-use'));

  it('are those of networks by their numbers, and no others of the folder', async () => {
    const store = monthUseFiles(data)!;
    for (const name of [
      'month-use',
      'month-use.3',
      'month-use.12',
      'month-use.03',
      'month-use.x',
      'month-use.7.unreadable',
    ])
      put(name);
    for (const name of ['month-use.', 'month-user', 'a-month-use.4', 'month-use.5.unreadable.old']) put(name);
    expect([...store.networks()].sort((x, y) => x - y)).toEqual([0, 3, 12]);
  });

  it('are kept under another name, in the place of what was kept there, and each is removed alone', async () => {
    const store = monthUseFiles(data)!;
    put('month-use.3', 'first');
    await store.setAside(3);
    expect(store.read(3)).toBeUndefined();
    put('month-use.3', 'second');
    await store.setAside(3);
    await store.setAside(3);
    expect(readFileSync(join(data, 'month-use.3.unreadable'), 'utf8')).toBe('second');
    await store.write(3, ['third']);
    put('month-use.4');
    for (let time = 0; time < 2; time++) await store.remove(3);
    expect(names()).toEqual(['month-use.3.unreadable', 'month-use.4']);
    for (let time = 0; time < 2; time++) await store.removeAside(3);
    expect(names()).toEqual(['month-use.4']);
  });

  it('can be set aside where others can read them, or where a folder has their name', async () => {
    const store = monthUseFiles(data)!;
    put('month-use.1');
    chmodSync(join(data, 'month-use.1'), 0o644);
    mkdirSync(join(data, 'month-use.2'));
    for (const network of [1, 2]) {
      expect(() => store.read(network)).toThrow();
      await store.setAside(network);
      await store.write(network, ['new']);
      expect(store.read(network)).toBe('new');
    }
    expect(names()).toHaveLength(4);
  });

  it('of networks that are gone are removed by a start, and those of the others stay, as do those that were set aside', async () => {
    const flags = { auth: 'required', data };
    let at = await run(flags);
    try {
      await ask(at, Identities.createNetwork, { name: 'north', sessionsMax: 0 }, asAdmin());
      await at.stop();
      for (const name of ['month-use', 'month-use.1', 'month-use.2', 'month-use.2.unreadable', 'month-use.9']) {
        put(name, 'switchyard month-use 1 2026-06\n');
      }
      at = await run(flags);
      expect(names()).toEqual(['month-use', 'month-use.1', 'month-use.2.unreadable']);
    } finally {
      await at.stop();
    }
  });
});
