// A process whose files may not grow beyond a limit that it lifts itself. To whoever writes, that is a full disk: a write
// is cut short, and the next one is refused.
//
// Run by a shell that has set the limit and ignores the signal that comes with it (SIGXFSZ).
import { execFileSync } from 'node:child_process';
import { LmdbJournal } from '../../src/journal/lmdb.js';
import { survivesFullDisk } from './full.js';

const [folder] = process.argv.slice(2);
const makeRoom = () => execFileSync('prlimit', ['--pid', `${process.pid}`, '--fsize=unlimited']);

await survivesFullDisk(() => LmdbJournal.open(folder), makeRoom);
