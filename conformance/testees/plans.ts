import { pythonWithGrpc } from '../../test/gate/requirements.mjs';
import type { TesteePlan } from '../runner/testee.js';
import { buildGo, goProgram } from './go-program.js';

const TYPESCRIPT: TesteePlan = {
  name: 'TypeScript',
  command: [
    process.execPath,
    '--no-warnings',
    '--import',
    './harness/typescript.mjs',
    'conformance/testees/typescript.ts',
  ],
  missing: async () => undefined,
};

/** The Python client: also of the tests of sdk/python. */
export const PYTHON: TesteePlan = {
  name: 'Python',
  // The shell finds the Python that has gRPC, which may not be the first on the PATH.
  command: [
    'sh',
    '-c',
    'for python in python3 /usr/bin/python3; do "$python" -c "import grpc, google.protobuf" 2>/dev/null && exec "$python" "$0" "$@"; done; exit 127',
    'conformance/testees/python.py',
  ],
  env: { PYTHONPATH: 'sdk/python' },
  missing: async () =>
    (await pythonWithGrpc()) === undefined ? 'no Python with gRPC: apt-get install python3-grpcio' : undefined,
};

let goBuilt: Promise<string | undefined> | undefined;

/** The Go client: also of the tests of sdk/go. */
export const GO: TesteePlan = {
  name: 'Go',
  command: [goProgram('testee')],
  // It is built once, when it is first asked for.
  missing: () => {
    goBuilt ??= buildGo('conformance/testees/go', 'testee');
    return goBuilt;
  },
};

/** Every testee, in the order of the columns. */
export const TESTEES: readonly TesteePlan[] = [TYPESCRIPT, PYTHON, GO];
