import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { hostsOf, PREFIX, removeLeftovers } from '../../../harness/nat/namespaces.js';

/** Of a process that is no more, and of this one. */
const NAMES = [`${PREFIX}${spawnSync(process.execPath, ['-e', '']).pid}-hub`, `${PREFIX}${process.pid}-hub`];
const fileOf = (name: string) => `/etc/netns/${name}`;
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write("not checked: leftovers of test networks, as /etc/netns is root's\n");
const itAsRoot = isRoot ? it : it.skip;

afterEach(() => {
  for (const name of NAMES) rmSync(fileOf(name), { recursive: true, force: true });
});

describe('leftovers of test networks', () => {
  itAsRoot('go with their files, also where the namespace itself is gone, and what runs keeps its own', () => {
    for (const name of NAMES) hostsOf(name, ['10.0.0.1 hub']);
    removeLeftovers();
    expect(NAMES.map((name) => existsSync(fileOf(name)))).toEqual([false, true]);
  });
});
