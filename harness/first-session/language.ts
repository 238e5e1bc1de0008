import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonWithGrpc } from '../../test/gate/requirements.mjs';
import { hasEnded } from '../has-ended.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
/** Stubs and a compiler may take their time. */
const PATIENCE_MS = 10 * 60_000;
const COMMENT = /^\s*(\/\/|\/\*|\*|#(?!include)|"""[^"]*("""|$))/;

/** A language of the examples. */
export interface Language {
  readonly name: string;
  readonly folder: string;
  readonly program: string;
  /** Whether it calls the web door, and not gRPC. */
  readonly isWeb?: boolean;
}

/** Every language of which there is an example. */
export const LANGUAGES: readonly Language[] = [
  { name: 'shell with buf curl', folder: 'shell', program: 'run.sh' },
  { name: 'shell with curl', folder: 'curl', program: 'run.sh', isWeb: true },
  { name: 'Python', folder: 'python', program: 'example.py' },
  { name: 'TypeScript', folder: 'typescript', program: 'example.ts' },
  { name: 'Go', folder: 'go', program: 'main.go' },
  { name: 'Ruby', folder: 'ruby', program: 'example.rb' },
  { name: 'Java', folder: 'java', program: 'Example.java' },
  { name: 'C++', folder: 'cpp', program: 'example.cc' },
  { name: 'PHP', folder: 'php', program: 'example.php', isWeb: true },
  { name: 'Rust', folder: 'rust', program: 'example.rs', isWeb: true },
];

/** Languages that were not tried, and why. */
export const UNTRIED: Readonly<Record<string, string>> = {
  'C#, Kotlin, Objective-C':
    'not compiled here: Debian has no gRPC for them; that `buf generate` makes all of their stubs is tested',
  'Scala, Swift': 'not tried: Debian has no plugin that makes their stubs',
};

/** What came of a language: how long it took from an empty folder to its first session, or why it was not run. */
export interface FirstSession {
  readonly language: Language;
  /** Lines of the program, without those that are empty or a comment. */
  readonly lines: number;
  readonly seconds?: number;
  readonly problem?: string;
}

/** Runs the example of a language in an empty folder until it has a session: stubs, compiler and all. */
export async function timeLanguage(language: Language, at: { grpc: string; web: string }): Promise<FirstSession> {
  const folder = join(EXAMPLES, language.folder);
  const lines = countLines(await readFile(join(folder, language.program), 'utf8'));
  const build = await mkdtemp(join(tmpdir(), 'switchyard-first-session-'));
  try {
    const args = [build, language.isWeb ? at.web : at.grpc];
    return { language, lines, seconds: await untilSession(join(folder, 'run.sh'), args) };
  } catch (error) {
    return { language, lines, problem: (error as Error).message };
  } finally {
    await rm(build, { recursive: true, force: true });
  }
}

/** Lines that are neither empty nor a comment. */
export function countLines(program: string): number {
  return program.split('\n').filter((line) => line.trim() !== '' && !COMMENT.test(line)).length;
}

/** The table, as Markdown. */
export function tableOf(results: readonly FirstSession[]): string {
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const rows = results.map(({ language, lines, seconds, problem }) =>
    row([language.name, seconds === undefined ? `not run here: ${problem}` : seconds.toFixed(1), lines]),
  );
  const untried = Object.entries(UNTRIED).map(([name, why]) => row([name, why, '']));
  return [row(['language', 'seconds', 'lines']), row(['---', '---', '---']), ...rows, ...untried].join('\n');
}

/** A document in which what a run has measured, and where, stands instead of the last run's. Throws when it has no place for that. */
export function replaceFigures(document: string, measured: string, results: readonly FirstSession[]): string {
  const figures = /^Measured [^\n]*\n\n\| language \|.*\n(?:\|.*\n)+/m;
  if (!figures.test(document)) throw new Error('there are no figures of first sessions');
  return document.replace(figures, () => `Measured ${measured}:\n\n${tableOf(results)}\n`);
}

async function untilSession(run: string, args: readonly string[]): Promise<number> {
  const fromMs = performance.now();
  const env = { ...process.env, PYTHON: (await pythonWithGrpc()) ?? 'python3' };
  // A group of its own, so that it ends with all that it started.
  const child = spawn(run, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let lastError = '';
  child.stderr.on('data', (bytes) => {
    lastError = String(bytes).trim().split('\n').at(-1) ?? '';
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no session within ten minutes')), PATIENCE_MS);
      child.on('close', (status) => {
        clearTimeout(late);
        reject(new Error(`it ended with status ${status}: ${lastError}`));
      });
      child.on('error', reject);
      child.stdout.on('data', (bytes) => {
        out += bytes;
        if (/^session \d+$/m.test(out)) resolve((performance.now() - fromMs) / 1_000);
      });
    });
  } finally {
    if (!hasEnded(child) && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }
}
