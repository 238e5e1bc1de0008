import { describe, expect, it } from '@jest/globals';
import { codeOf, type Exceptions, usesListed, usesOf } from './uses.js';

/** What takes time from the machine rather than from the clock that the composition root hands in. */
const MACHINE_TIME =
  /\bset(?:Timeout|Interval|Immediate)\b|\bAbortSignal\.timeout\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b/g;

/** Where the machine's own time is right, and why. */
const EXCEPTIONS: Exceptions = {
  'src/client/system.ts': ['performance.now Date.now setTimeout setImmediate', 'is the clock of the machine'],
  'src/client/channel/grpc-channel.ts': ['Date.now Date.now Date.now', 'grpc-js takes deadlines as times of day'],
  'src/client/channel/process-hold.ts': ['setInterval', 'a handle keeps the process alive, and never calls'],
  'src/client/channel/pinned-root.ts': ['setTimeout', 'the idle time of a socket, which Node counts'],
  'src/web/door.ts': ['setTimeout', 'the idle time of a socket, which Node counts'],
  'src/cli/operate/serve.ts': ['setInterval setInterval', 'a handle keeps the process alive, and never calls'],
  'src/cli/peers/forwarding.ts': [
    'setImmediate',
    'the end of a turn, in which the system is asked about a reset; no time',
  ],
  'src/journal/storage/move-keys.ts': [
    'setImmediate setImmediate',
    'the process may do something else between two pieces; no time',
  ],
  'src/journal/storage/section.ts': [
    'setImmediate setImmediate setImmediate',
    'the process may do something else between two pieces; no time',
  ],
};

describe('the sources', () => {
  it('take time from the clock that is handed in, but for the exceptions that are listed with a reason', () => {
    expect(usesOf(MACHINE_TIME)).toEqual(usesListed(EXCEPTIONS));
  });

  it.each([
    'setTimeout(end, 5);',
    "import { setTimeout as wait } from 'node:timers/promises';",
    'const signal = AbortSignal.timeout(5); // late',
    'const before = performance.now();',
    'const atMs = Date.now();',
  ])('are found out where they do not: %s', (line) => {
    expect(codeOf(line).match(MACHINE_TIME)).toHaveLength(1);
    expect(codeOf(`/* ${line.replace('//', '')} */ // ${line}`)).not.toMatch(MACHINE_TIME);
  });
});
