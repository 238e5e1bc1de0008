import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../base/errors.js';
import type { MemoryStore, Remembered } from '../../cluster/log-memory.js';

/** Where that is. */
export function logMemoryPath(folder: string, network: string): string {
  return join(folder, `log-${network}.json`);
}

/** Keeps what a server remembers of a network's log in its data folder, as JSON. */
export function logMemoryFile(folder: string, network: string): MemoryStore {
  const path = logMemoryPath(folder, network);
  return {
    read: async () => {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
      const remembered = parse(text);
      if (remembered !== undefined) return remembered;
      throw new Error(`${path} is not what was stored: remove it and, if etcd was restored, start with --renew-epoch`);
    },
    write: async ({ epochs, seq, chain }) => {
      const next = `${path}.new`;
      const text = JSON.stringify({ epochs, seq, chain: Buffer.from(chain).toString('hex') });
      await writeFile(next, `${text}\n`, { mode: 0o600 });
      // Readers see the one or the other. It is not synced: what a failure of power takes back is still true.
      await rename(next, path);
    },
  };
}

function parse(text: string): Remembered | undefined {
  try {
    const { epochs, seq, chain } = JSON.parse(text) as Record<string, unknown>;
    const isSound =
      Array.isArray(epochs) &&
      epochs.every((epoch) => typeof epoch === 'string') &&
      Number.isSafeInteger(seq) &&
      typeof chain === 'string' &&
      /^([0-9a-f]{2})+$/.test(chain);
    return isSound ? { epochs, seq: Number(seq), chain: Buffer.from(chain, 'hex') } : undefined;
  } catch {
    return undefined;
  }
}
