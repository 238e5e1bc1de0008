import { breaking, buf, bufFormat, documentBlocks, formatAndLint, freshStubs, types } from './checks.mjs';
import { installLanguages, installModules, installSystemPackages } from './requirements.mjs';

/**
 * What `npm test` runs before the tests, from the first to the last; a check that `stops` makes those after it pointless
 * when it fails.
 */
export const CHECKS = [
  { name: 'node modules are those of package-lock.json', run: installModules, stops: true },
  { name: 'programs that the tests run', run: () => installSystemPackages() },
  { name: 'format and lint (biome)', run: formatAndLint },
  { name: 'types (tsc)', run: types },
  { name: 'protos: lint (buf)', run: () => buf(['lint']) },
  { name: 'protos: format (buf)', run: bufFormat },
  { name: 'protos: nothing breaks (buf)', run: breaking },
  { name: 'documents: every block is run, or says why not', run: documentBlocks },
  { name: 'stubs: gen/ regenerates to the same bytes', run: freshStubs },
];

/** Versions of Node that `npm run test:all` tries: the recommended one last. */
const NODES = [20, 22, 24];
/** What depends on the version: HTTP/2 and sockets, and what strangers do to them. */
const FOLDERS = ['test/grpc', 'test/abuse', 'test/system'];

/** What `npm run test:all` runs after everything that `npm test` does: tests of a folder, by a version of Node. */
export const MATRIX = NODES.flatMap((node) =>
  FOLDERS.map((folder) => ({ name: `Node ${node}: ${folder}`, node, paths: [folder] })),
);

/** What it runs besides, by this Node: tests that are too long for `npm test`, or need what that does not install. */
export const LONG = [
  {
    name: 'console: every view in Chromium',
    paths: ['test/console/views'],
    // Without it jest.config.js leaves them out.
    env: { GATE_LONG_TESTS: '1' },
  },
  {
    name: 'the simulation finds every mutation',
    paths: ['test/harness/simulation/mutations.test.ts'],
    env: { GATE_LONG_TESTS: '1' },
  },
  {
    name: 'examples in every language',
    install: installLanguages,
    paths: ['test/interop/examples.test.ts'],
    env: { EXAMPLES: 'all' },
  },
];
