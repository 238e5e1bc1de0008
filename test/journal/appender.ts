// A process that is there to be killed: it appends to the journal in the folder given, stores snapshots and compacts,
// and says on standard output up to where it is durable, one number a line.
import { writeSync } from 'node:fs';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { appendForEver } from './workload.js';

const [folder] = process.argv.slice(2);
const say = (last: number) => writeSync(1, `${last}\n`);

say(0);
const journal = await LmdbJournal.open(folder);
say(journal.last);
await appendForEver(journal, say);
