// A process whose files may not grow beyond a limit: to whoever writes, that is a full disk. A write is cut short, and the
// next one is refused.
//
// Run by a shell that has set the limit and ignores the signal that comes with it (SIGXFSZ). Prints what a transaction
// of so many bytes that LMDB calls an input/output error is taken for.
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { commitError } from '../../src/journal/storage/failure.js';

const [folder, bytes] = process.argv.slice(2);
const thrown = Object.assign(new Error('Input/output error'), { code: constants.errno.EIO });
writeFileSync(join(folder, 'data.mdb'), '');
console.log((await commitError(thrown, folder, Number(bytes))).kind);
