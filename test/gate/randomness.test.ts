import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { codeOf, type Exceptions, usesListed, usesOf } from './uses.js';

/** What draws from the machine rather than from the randomness that the composition root hands in. */
const MACHINE_RANDOMNESS =
  /\brandom(?:Bytes|UUID|Int|Fill(?:Sync)?)\b|\bgenerateKey(?:Pair)?(?:Sync)?\b|\bgetRandomValues\b|\bcreateECDH\b|\bMath\.random\b/g;

const UNFINISHED =
  'the name of a file that is not finished, which is removed or renamed; two processes must not draw the same';
const KEY = 'a key: it is kept in a file or lives as long as its object, and no run depends on it';

/** Where the machine's own randomness is right, and why. */
const EXCEPTIONS: Exceptions = {
  'src/client/system.ts': [
    'randomBytes randomFillSync randomBytes randomFillSync Math.random',
    'is that of the machine',
  ],
  'src/server/certificates/authority-keys.ts': ['generateKeyPairSync generateKeyPairSync', KEY],
  'src/server/certificates/own-certificates.ts': ['generateKeyPairSync generateKeyPairSync', KEY],
  'src/trust/signing-key.ts': ['generateKeyPairSync generateKeyPairSync', KEY],
  'src/client/direct/identity.ts': ['generateKeyPairSync generateKeyPairSync', KEY],
  'src/base/private-files.ts': ['randomBytes randomBytes', UNFINISHED],
  'src/journal/backup.ts': ['randomBytes randomBytes', UNFINISHED],
  'src/journal/storage/import.ts': ['randomBytes randomBytes', UNFINISHED],
  'src/client/trust/kept-key.ts': [
    'randomBytes randomUUID randomUUID randomBytes',
    `${UNFINISHED}; the UUID that stands beside a key`,
  ],
  'src/client/direct/reflexive.ts': [
    'randomBytes randomBytes randomBytes',
    'the ids of STUN transactions, which others must not guess',
  ],
  'src/cli/network/via.ts': ['randomUUID randomUUID', 'the instance of one command, which nothing remembers'],
  'src/cli/trust/own-key.ts': [
    'randomUUID randomUUID randomUUID',
    'the instance of one command, which nothing remembers',
  ],
};

describe('the sources', () => {
  it('draw from the randomness that is handed in, but for the exceptions that are listed with a reason', () => {
    expect(usesOf(MACHINE_RANDOMNESS)).toEqual(usesListed(EXCEPTIONS));
  });

  it('draw from the machine only where the row about randomness of docs/ARCHITECTURE.md says so', () => {
    const rows = readFileSync('docs/ARCHITECTURE.md', 'utf8').split('\n');
    const row = rows.find((line) => line.startsWith('| where time and randomness come from |')) ?? '';
    const files = Object.keys(EXCEPTIONS).map((path) => path.slice('src/'.length));
    expect(files.filter((file) => !row.includes(`\`${file}\``))).toEqual([]);
  });

  it.each([
    'const id = randomUUID();',
    "import { randomBytes as drawn } from 'node:crypto';",
    'const { privateKey } = await promisify(generateKeyPair)(kind); // later',
    "const { publicKey } = generateKeyPairSync('ed25519');",
    'const at = Math.random() * 5;',
    'crypto.getRandomValues(bytes);',
  ])('are found out where they do not: %s', (line) => {
    expect(codeOf(line).match(MACHINE_RANDOMNESS)).toHaveLength(1);
    expect(codeOf(`/* ${line.replace('//', '')} */ // ${line}`)).not.toMatch(MACHINE_RANDOMNESS);
  });
});
