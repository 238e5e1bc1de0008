import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { blocksOf } from '../gate/blocks.mjs';
import { pythonWithGrpc } from '../gate/requirements.mjs';
import { run } from '../grpc/running.js';
import { IS_LONG } from '../long.js';

const PACKAGE = 'sdk/python';
const STUBS = 'switchyard/v1';
const README = `${PACKAGE}/README.md`;
/** The one that wrote the stubs: another one writes them otherwise. */
const PROTOC = 'libprotoc 3.21.12';
const execute = promisify(execFile);

/** The Python that the client needs. Keys, and connections to peers, need a package more each. */
async function findPython(): Promise<string> {
  const python = await pythonWithGrpc();
  if (python === undefined) throw new Error('no Python with gRPC: apt-get install python3-grpcio');
  return python;
}

async function hasModule(python: string, module: string, deb: string): Promise<boolean> {
  const outcome = await execute(python, ['-c', `import ${module}`]).catch(() => undefined);
  if (outcome === undefined) console.log(`sdk/python: not all is tried: apt-get install ${deb}`);
  return outcome !== undefined;
}

describe('sdk/python', () => {
  it('passes its own tests, in which the tables of docs/client-lifecycle.md are its tables', async () => {
    const python = await findPython();
    const names = ['tests.test_tables', 'tests.test_silence', 'tests.test_servers'];
    if (await hasModule(python, 'cryptography', 'python3-cryptography')) names.push('tests.test_parts');
    if (await hasModule(python, 'OpenSSL', 'python3-openssl'))
      names.push(
        'tests.test_peers',
        'tests.test_direct',
        'tests.test_path',
        'tests.test_moving',
        'tests.test_brokering',
        'tests.test_pairs',
      );
    const { stderr } = await execute(python, ['-B', '-m', 'unittest', ...names], { cwd: PACKAGE });
    expect(stderr).toMatch(/\nOK\n$/);
  });

  it('has the stubs that buf makes of the protos now', () => {
    const version = execFileSync('protoc', ['--version'], { encoding: 'utf8' }).trim();
    if (version !== PROTOC) {
      console.log(`sdk/python: stubs are not compared: they are of ${PROTOC}, this is ${version}`);
      return;
    }
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-stubs-'));
    try {
      const template = ['--template', `${PACKAGE}/buf.gen.yaml`, '--path', 'proto/switchyard'];
      execFileSync(process.execPath, ['node_modules/@bufbuild/buf/bin/buf', 'generate', ...template, '-o', folder]);
      const made = readdirSync(join(folder, STUBS)).sort();
      expect(
        readdirSync(join(PACKAGE, STUBS))
          .filter((name) => name !== '__pycache__')
          .sort(),
      ).toEqual(made);
      const changed = made.filter((name) => {
        const kept = readFileSync(join(PACKAGE, STUBS, name), 'utf8');
        return kept !== readFileSync(join(folder, STUBS, name), 'utf8');
      });
      expect(changed).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const blocks = blocksOf(README, readFileSync(README, 'utf8')).filter((block) => block.run === 'python');
  it.each(IS_LONG ? blocks : blocks.slice(-1))('runs the program of README.md:$line as pasted', async ({ text }) => {
    const python = await findPython();
    const server = await run();
    try {
      const env = { ...process.env, PYTHONPATH: PACKAGE, SWITCHYARD_SERVER: server.address };
      const { stdout, stderr } = await execute(python, ['-B', '-c', text], { env });
      expect({ stdout, stderr }).toEqual({
        stdout: expect.stringMatching(WORDS[blocks.findIndex((one) => one.text === text)]),
        stderr: '',
      });
    } finally {
      await server.stop();
    }
  });

  it('has words for each program of its README', () => {
    expect(blocks).toHaveLength(WORDS.length);
  });
});

/** What each program prints. */
const WORDS = [
  /^on the network; lease \d+\.0 s\nleft\n$/,
  /^came: north\nnorth True\nat revision \d+\n$/,
  /^one\ntwo\n2 blocks are there\n$/,
  /^is anybody there\? relayed\n$/,
];
