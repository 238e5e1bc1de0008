// A process whose files may not grow beyond a limit: to whoever writes, that is a full disk. A write is cut short, and the
// next one is refused.
//
// Run by a shell that has set the limit and ignores the signal that comes with it (SIGXFSZ). Prints what the probe found
// for each number of bytes.
import { probeSpace } from '../../src/journal/space.js';

const [folder, ...sizes] = process.argv.slice(2);
const found = sizes.map((bytes) => (probeSpace(folder, 0, Number(bytes)) as NodeJS.ErrnoException | undefined)?.code);
console.log(JSON.stringify(found));
