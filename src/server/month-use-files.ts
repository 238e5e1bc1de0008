import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { movePrivateFile, removePrivateFiles, writePrivateFile } from '../base/private-file-writer.js';
import { readPrivateFile } from '../base/private-files.js';
import { IN_MEMORY } from '../config/options.js';
import type { MonthUseStore } from '../replica/access/month-use.js';

/** The name of the file in the data folder with what identities have used of their quotas in the month; of other networks, with their number. */
const MONTH_USE_FILE = 'month-use';
/** What the name of one that could not be read ends in. */
const ASIDE = '.unreadable';
const NAME = /^month-use(?:\.([1-9]\d{0,9}))?$/;

/** Where a server keeps that; undefined for one that keeps nothing. */
export function monthUseFiles(data: string): MonthUseStore | undefined {
  if (data === IN_MEMORY) return undefined;
  const pathOf = (network: number) => join(data, network === 0 ? MONTH_USE_FILE : `${MONTH_USE_FILE}.${network}`);
  const asideOf = (network: number) => pathOf(network) + ASIDE;
  return {
    read: (network) => readPrivateFile(pathOf(network)),
    write: (network, parts) => writePrivateFile(pathOf(network), parts),
    setAside: (network) => movePrivateFile(pathOf(network), asideOf(network)),
    remove: (network) => removePrivateFiles([pathOf(network)]),
    removeAside: (network) => removePrivateFiles([asideOf(network)]),
    networks: () => readdirSync(data).flatMap(networkOf),
  };
}

function networkOf(name: string): number[] {
  const found = NAME.exec(name);
  return found === null ? [] : [Number(found[1] ?? 0)];
}
