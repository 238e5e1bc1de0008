import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { LogMemory, type MemoryStore, type Remembered } from '../../src/cluster/log-memory.js';
import { logMemoryFile } from '../../src/server/storage/log-memory-file.js';

const chain = (text: string) => Buffer.from(text.padEnd(16));
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('what a server remembers of a log', () => {
  const clock = new ManualClock();

  function storeOf(remembered?: Remembered) {
    const written: Remembered[] = [];
    const store: MemoryStore = { read: async () => remembered, write: async (one) => void written.push(one) };
    return { store, written };
  }

  const view = (seq: number, text: string) => ({ seq, chain: chain(text) });

  function open(
    store: MemoryStore,
    at: { readonly seq: number; readonly chain: Buffer },
    batches: Readonly<Record<number, string>> = {},
    warnings: string[] = [],
  ) {
    const chainAt = async (seq: number) => (batches[seq] === undefined ? undefined : chain(batches[seq]));
    return LogMemory.open({ clock, store, warn: (message) => void warnings.push(message) }, at, chainAt);
  }

  const known = { epochs: ['a'], seq: 7, chain: chain('seven') };

  it('is nothing at the first start, and nothing differs', async () => {
    expect((await open(storeOf().store, view(9, 'nine'))).differs('a')).toBeUndefined();
  });

  it('is the same log when it ends there, or goes on behind it', async () => {
    expect((await open(storeOf(known).store, view(7, 'seven'))).differs('a')).toBeUndefined();
    expect((await open(storeOf(known).store, view(9, 'nine'), { 7: 'seven' })).differs('a')).toBeUndefined();
  });

  it('is the same log when its batch was trimmed since', async () => {
    expect((await open(storeOf(known).store, view(9, 'nine'))).differs('a')).toBeUndefined();
  });

  it('is another log when it ends earlier, or has another batch there', async () => {
    const short = await open(storeOf(known).store, view(5, 'five'));
    expect(short.differs('a')).toBe('the log ends at batch 5, and this server had applied batch 7');
    const says = 'batch 7 in the log is another one than this server had applied';
    expect((await open(storeOf(known).store, view(7, 'other'))).differs('a')).toBe(says);
    expect((await open(storeOf(known).store, view(9, 'nine'), { 7: 'other' })).differs('a')).toBe(says);
  });

  it('is not another log when its epoch was renewed by another server since', async () => {
    expect((await open(storeOf(known).store, view(9, 'nine'), { 7: 'other' })).differs('b')).toBeUndefined();
  });

  it('is another log when it is back at an epoch from before a renewal', async () => {
    const memory = await open(storeOf({ ...known, epochs: ['a', 'b'] }).store, view(9, 'nine'));
    expect(memory.differs('a')).toBe('the log is at epoch a, and this server has seen it at a later one');
    expect(memory.differs('b')).toBeUndefined();
  });

  it('is stored within a second of a change, not again without one, and at the end', async () => {
    const { store, written } = storeOf();
    const memory = await open(store, view(0, ''));
    let position = { epoch: 'a', seq: 1, chain: chain('one') };
    memory.keep(() => position);
    for (let times = 0; times < 3; times++) {
      clock.advance(1_000);
      await turn();
    }
    expect(written).toEqual([{ epochs: ['a'], seq: 1, chain: chain('one') }]);
    position = { epoch: 'b', seq: 2, chain: chain('two') };
    await memory.close();
    expect(written.at(-1)).toEqual({ epochs: ['a', 'b'], seq: 2, chain: chain('two') });
    clock.advance(5_000);
    await turn();
    expect(written).toHaveLength(2);
  });

  it('leaves no timer armed after the end, also when it is being stored as the server ends', async () => {
    let written = () => {};
    let looks = 0;
    const write = () => new Promise<void>((resolve) => (written = resolve));
    const memory = await open({ read: async () => undefined, write }, view(0, ''));
    memory.keep(() => ({ epoch: 'a', seq: ++looks, chain: chain('one') }));
    clock.advance(1_000);
    await turn();
    const closed = memory.close();
    written();
    await turn();
    written();
    await closed;
    expect(clock.pending).toBe(0);
  });

  it('is stored again after that failed, and the failure is reported once', async () => {
    let isFull = true;
    const written: Remembered[] = [];
    const store: MemoryStore = {
      read: async () => undefined,
      write: async (one) => {
        if (isFull) throw new Error('no space');
        written.push(one);
      },
    };
    const warnings: string[] = [];
    const memory = await open(store, view(0, ''), {}, warnings);
    memory.keep(() => ({ epoch: 'a', seq: 1, chain: chain('one') }));
    for (let times = 0; times < 3; times++) {
      clock.advance(1_000);
      await turn();
    }
    expect(warnings).toHaveLength(1);
    isFull = false;
    clock.advance(1_000);
    await turn();
    expect(written).toHaveLength(1);
    await memory.close();
  });
});

describe('the file of what a server remembers of a log', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-memory-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is one for each network, and holds what was stored last', async () => {
    const file = logMemoryFile(folder, 'yard');
    expect(await file.read()).toBeUndefined();
    await file.write({ epochs: ['a'], seq: 1, chain: chain('one') });
    await file.write({ epochs: ['a', 'b'], seq: 2, chain: chain('two') });
    expect(await file.read()).toEqual({ epochs: ['a', 'b'], seq: 2, chain: chain('two') });
    expect(await logMemoryFile(folder, 'other').read()).toBeUndefined();
  });

  it('is refused when it is not what was stored, with what to do', async () => {
    const file = logMemoryFile(folder, 'yard');
    await file.write({ epochs: ['a'], seq: 1, chain: chain('one') });
    const path = join(folder, 'log-yard.json');
    for (const text of [readFileSync(path, 'utf8').slice(0, 20), '{"epochs":["a"],"seq":-0.5,"chain":"00"}', '[]']) {
      writeFileSync(path, text);
      await expect(file.read()).rejects.toThrow(`${path} is not what was stored: remove it and`);
    }
  });
});
