import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { GO_ENV, go, goProgram, prepareGo } from '../../conformance/testees/go-program.js';
import { blocksOf } from '../gate/blocks.mjs';
import { run } from '../grpc/running.js';
import { IS_LONG, itLong } from '../long.js';

const PACKAGE = 'sdk/go';
const IMPORT_PATH = 'switchyard.example/switchyard';
const TESTEE = 'conformance/testees/go';
const STUBS = 'v1';
const README = `${PACKAGE}/README.md`;
/** Those that wrote the stubs: others write them otherwise. */
const PLUGINS = ['protoc-gen-go v1.28.1', 'protoc-gen-go-grpc 1.0'];
/** The first one of a machine compiles gRPC, too. */
const BUILD_MS = 120_000;
const execute = promisify(execFile);

/** Whether Go can be run here; says why not. */
async function hasGo(): Promise<boolean> {
  const missing = await prepareGo();
  if (missing !== undefined) process.stderr.write(`not checked: sdk/go: ${missing}\n`);
  return missing === undefined;
}

describe('sdk/go', () => {
  it(
    'passes its own tests, in which the tables of docs/client-lifecycle.md are its tables',
    async () => {
      if (!(await hasGo())) return;
      const wanted = IS_LONG
        ? []
        : ['-run', 'Document|Windows|Vector|Watch|Graph|Frames|Joins|Registered|MayHave|Servers'];
      expect(await go(['test', '-vet=off', '-count=1', ...wanted, IMPORT_PATH])).toMatch(/^ok\s/);
    },
    BUILD_MS,
  );

  it('is formatted by gofmt', async () => {
    if (!(await hasGo())) return;
    const { stdout } = await execute('gofmt', ['-l', PACKAGE, TESTEE]);
    expect(stdout).toBe('');
  });

  itLong(
    'has nothing that go vet finds',
    async () => {
      if (!(await hasGo())) return;
      expect(await go(['vet', IMPORT_PATH])).toBe('');
      expect(await go(['vet', '.'], TESTEE)).toBe('');
    },
    BUILD_MS,
  );

  it('has the stubs that buf makes of the protos now', () => {
    const versions = [versionOf('protoc-gen-go'), versionOf('protoc-gen-go-grpc')];
    if (versions.some((version, at) => version !== PLUGINS[at])) {
      console.log(`sdk/go: stubs are not compared: they are of ${PLUGINS.join(', ')}, here is ${versions.join(', ')}`);
      return;
    }
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-stubs-'));
    try {
      const template = ['--template', `${PACKAGE}/buf.gen.yaml`, '--path', 'proto/switchyard'];
      execFileSync(process.execPath, ['node_modules/@bufbuild/buf/bin/buf', 'generate', ...template, '-o', folder]);
      const made = readdirSync(join(folder, STUBS)).sort();
      expect(readdirSync(join(PACKAGE, STUBS)).sort()).toEqual(made);
      const changed = made.filter((name) => {
        const kept = readFileSync(join(PACKAGE, STUBS, name), 'utf8');
        return kept !== readFileSync(join(folder, STUBS, name), 'utf8');
      });
      expect(changed).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const blocks = blocksOf(README, readFileSync(README, 'utf8')).filter((block) => block.run === 'go');
  it.each(IS_LONG ? blocks : blocks.slice(0, 1))(
    'runs the program of README.md:$line as pasted',
    async ({ text, line }) => {
      if (!(await hasGo())) return;
      const folder = goProgram(`readme-${line}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'main.go'), `${text}\n`);
      await go(['build', '-o', 'main', 'main.go'], folder);
      const server = await run();
      try {
        const env = { ...GO_ENV, SWITCHYARD_SERVER: server.address };
        const { stdout, stderr } = await execute(join(folder, 'main'), { env });
        expect({ stdout, stderr }).toEqual({
          stdout: expect.stringMatching(WORDS[blocks.findIndex((one) => one.text === text)]),
          stderr: '',
        });
      } finally {
        await server.stop();
      }
    },
    BUILD_MS,
  );

  it('has words for each program of its README, which gofmt has nothing against', async () => {
    expect(blocks).toHaveLength(WORDS.length);
    if (!(await hasGo())) return;
    for (const { text } of blocks) {
      const formatted = execFileSync('gofmt', { input: `${text}\n`, encoding: 'utf8' });
      expect(formatted).toBe(`${text}\n`);
    }
  });
});

/** What a plugin calls itself; `none` where there is none. */
function versionOf(plugin: string): string {
  try {
    return execFileSync(plugin, ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    return 'none';
  }
}

/** What each program prints. */
const WORDS = [
  /^on the network; lease \d+m0s\nover; it left: true\n$/,
  /^all is well on board\n$/,
  /^came: north\nnorth true\nleft: north\n$/,
  /^one\ntwo\n2 blocks are there\n$/,
];
