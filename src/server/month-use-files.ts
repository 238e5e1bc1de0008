import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../base/private-file-writer.js';
import { readPrivateFile } from '../base/private-files.js';
import { IN_MEMORY } from '../config/options.js';
import type { MonthUseStore } from '../replica/access/month-use.js';

/** The name of the file in the data folder with what identities have used of their quotas in the month; of other networks, with their number. */
const MONTH_USE_FILE = 'month-use';

/** Where a server keeps that; undefined for one that keeps nothing. */
export function monthUseFiles(data: string): MonthUseStore | undefined {
  if (data === IN_MEMORY) return undefined;
  const pathOf = (network: number) => join(data, network === 0 ? MONTH_USE_FILE : `${MONTH_USE_FILE}.${network}`);
  return {
    read: (network) => readPrivateFile(pathOf(network)),
    write: (network, parts) => writePrivateFile(pathOf(network), parts),
    remove: (network) => rm(pathOf(network), { force: true }),
  };
}
