import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startServerProcess } from '../cli/process.js';
import { pythonWithGrpc } from '../gate/requirements.mjs';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const execute = promisify(execFile);

/** An example: its folder, what it is called with besides, and how its language writes a refusal's code. */
interface Example {
  readonly name: string;
  readonly folder: string;
  readonly args?: readonly string[];
  /** Whether it calls the web door, and not gRPC. */
  readonly isWeb?: boolean;
  readonly code: string;
}

/** What needs nothing that the other tests do not need. */
const SMOKE: readonly Example[] = [
  { name: 'Python', folder: 'python', code: 'NOT_FOUND' },
  { name: 'a shell with buf curl', folder: 'shell', code: 'not_found' },
  { name: 'a shell with curl', folder: 'curl', code: 'not_found', isWeb: true },
];

/** What `npm run test:all` runs besides: compilers and libraries of some hundred megabytes. */
const OTHERS: readonly Example[] = [
  { name: 'Python with asyncio', folder: 'python', args: ['example_asyncio.py'], code: 'NOT_FOUND' },
  { name: 'TypeScript', folder: 'typescript', code: 'NOT_FOUND' },
  { name: 'Go', folder: 'go', code: 'NotFound' },
  { name: 'Ruby', folder: 'ruby', code: 'NotFound' },
  { name: 'Java', folder: 'java', code: 'NOT_FOUND' },
  { name: 'C++', folder: 'cpp', code: '5' },
  { name: 'PHP', folder: 'php', code: 'not_found', isWeb: true },
  { name: 'Rust', folder: 'rust', code: 'not_found', isWeb: true },
];

/** Stubs, compilers and a busy machine take their time. */
const LIMIT_MS = 10 * 60_000;

describe('an example', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-example-'));
    await mkdir(join(folder, 'build'));
    await mkdir(join(folder, 'data'));
    await chmod(join(folder, 'data'), 0o700);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const examples = process.env.EXAMPLES === 'all' ? [...SMOKE, ...OTHERS] : SMOKE;
  it.each(examples)(
    'in $name opens a session, watches over a restart of the server, and reads a refusal',
    async ({ folder: language, args = [], code, isWeb = false }) => {
      const serve = (grpc: string, web: string) =>
        startServerProcess([
          ...['--data', join(folder, 'data'), '--session-ttl', '10m'],
          ...['--listen', grpc, '--web-listen', web],
        ]);
      const first = await serve('127.0.0.1:0', '127.0.0.1:0');
      const { grpc, web } = first.listening;
      let server = first.program;
      try {
        const run = join(EXAMPLES, language, 'run.sh');
        const env = { ...process.env, PYTHON: (await pythonWithGrpc()) ?? 'python3' };
        const child = spawn(run, [join(folder, 'build'), isWeb ? web : grpc, ...args], { env, detached: true });
        const example = new Recorded(child);
        await example.printed(/^watching \d+ nodes$/m);
        expect(await server.stop('SIGTERM')).toBe(0);
        ({ program: server } = await serve(grpc, web));
        const { status, out, err } = await example.ended;
        expect({ status, out: out.trimEnd().split('\n'), err: status === 0 ? '' : err }).toEqual({
          status: 0,
          out: [
            expect.stringMatching(/^session \d+$/),
            'watching 2 nodes',
            expect.stringMatching(/^resumed after revision \d+$/),
            `refused ${code} NODE_NOT_FOUND: no node 1`,
          ],
          err: '',
        });
      } finally {
        await server.stop('SIGTERM');
      }
    },
    LIMIT_MS,
  );

  it('has a row in the table of examples, with what Debian calls its needs', async () => {
    const { stdout } = await execute('grep', ['-c', '^| `', join(EXAMPLES, 'README.md')]);
    expect(Number(stdout)).toBe(SMOKE.length + OTHERS.length);
  });
});

/** A process with what it printed. It is a group of its own, so that it ends with all that it started. */
class Recorded {
  readonly ended: Promise<{ status: number | null; out: string; err: string }>;
  #out = '';
  #err = '';
  readonly #child: ReturnType<typeof spawn>;

  constructor(child: ReturnType<typeof spawn>) {
    this.#child = child;
    child.stdout?.on('data', (bytes) => (this.#out += bytes));
    child.stderr?.on('data', (bytes) => (this.#err += bytes));
    this.ended = new Promise((resolve) =>
      child.on('close', (status) => resolve({ status, out: this.#out, err: this.#err })),
    );
  }

  /** Resolves as soon as standard output matches; rejects when the process ends before. */
  async printed(pattern: RegExp): Promise<void> {
    let isOver = false;
    void this.ended.then(() => (isOver = true));
    while (!pattern.test(this.#out)) {
      if (isOver) throw new Error(`it ended before it printed ${pattern}: ${this.#out}${this.#err}`);
      await Promise.race([new Promise((resolve) => this.#child.stdout?.once('data', resolve)), this.ended]);
    }
  }
}
