import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { homeFolder } from './base/home-folder.js';
import { readNamedFile } from './base/private-files.js';
import { nodeFlags } from './config/node-flags.js';

// Prints the flags of node that suit a command line of `serve`; bin/switchyard starts the server with them.

const { values } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { 'max-memory': { type: 'string' }, config: { type: 'string' } },
});
// 0 where nothing constrains the process.
const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;

const flags = nodeFlags({
  flags: values as Record<string, string | boolean>,
  env: process.env,
  platform: process.platform,
  home: homeFolder(),
  readFile: (path, kind) => (kind === 'trusted' ? readNamedFile(path).toString('utf8') : readFileSync(path, 'utf8')),
  memoryBytes: Math.min(totalmem(), constrained),
});
process.stdout.write(`${flags.join(' ')}\n`);
