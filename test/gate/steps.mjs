import { breaking, buf, bufFormat, documentBlocks, formatAndLint, freshStubs, types } from './checks.mjs';
import {
  installLanguages,
  installModules,
  installPrometheus,
  installShells,
  installSystemPackages,
} from './requirements.mjs';

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
/** What depends on the version: HTTP and sockets, and what strangers do to them. */
const FOLDERS = ['test/grpc', 'test/web', 'test/abuse', 'test/system'];

/**
 * What `npm test` has no time for: all cases of long lists, the blocks of all documents, the console's views in a browser
 * (test/long.ts, jest.config.js). `npm run test:all` sets it for every test that it runs.
 */
export const LONG_RUN = { GATE_LONG_TESTS: '1' };

/** What `npm run test:all` runs after all tests: those of a folder, by a version of Node. */
export const MATRIX = NODES.flatMap((node) =>
  FOLDERS.map((folder) => ({ name: `Node ${node}: ${folder}`, node, paths: [folder] })),
);

/**
 * Tests that servers pass which require proofs as well as open ones: test/grpc/proving-client.ts has their callers prove who they are.
 * Not here are those that say `auth: 'open'` because they are about open networks, that count revisions, or that bring clients of
 * their own.
 */
const REQUIRED = [
  ...['trust/several-sessions', 'status', 'taken-away'],
  ...services('admin-proof', 'audit', 'direct-connection', 'renewal', 'tickets', 'watch-sessions'),
];

function services(...names) {
  return names.map((name) => `services/${name}`);
}

/** What it runs besides, by this Node: tests that need what `npm test` does not install, or in another way than that. */
export const LONG = [
  {
    name: 'required mode: test/grpc',
    paths: REQUIRED.map((name) => `test/grpc/${name}.test.ts`),
    env: { GATE_REQUIRED_MODE: '1' },
  },
  {
    name: 'required mode: test/client',
    // Not those of a server that forgets whom an administrator has approved (server-restarts).
    paths: ['test/client/server.test.ts', 'test/client/connection/connections.test.ts'],
    env: { GATE_REQUIRED_MODE: '1' },
  },
  {
    name: 'required mode: test/cli',
    paths: ['test/cli/reading.test.ts'],
    env: { GATE_REQUIRED_MODE: '1' },
  },
  {
    name: 'completion in zsh and fish',
    install: installShells,
    paths: ['test/cli/words/completion-shells.test.ts'],
    // Without it jest.config.js leaves them out.
    env: { GATE_EXTRA_PROGRAMS: '1' },
  },
  {
    name: 'dashboards and alerts by a real Prometheus',
    install: installPrometheus,
    paths: ['test/deploy/prometheus.test.ts'],
    // Without it jest.config.js leaves them out.
    env: { GATE_EXTRA_PROGRAMS: '1' },
  },
  {
    name: 'the Go client',
    install: installLanguages,
    paths: ['test/sdk/go.test.ts', 'test/sdk/go-peers.test.ts', 'test/sdk/python-peers.test.ts'],
    env: LONG_RUN,
  },
  {
    name: 'examples in every language',
    install: installLanguages,
    paths: ['test/interop/examples.test.ts'],
    env: { EXAMPLES: 'all' },
  },
];
