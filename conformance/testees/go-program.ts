import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { goMissing } from '../../test/gate/requirements.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Debian's packages are sources in one GOPATH. */
const DEBIAN = '/usr/share/gocode';
const execute = promisify(execFile);

/** A GOPATH of this process's own, in which `sdk/go` has its place beside Debian's packages. */
const GOPATH = join(tmpdir(), `switchyard-go-${process.pid}`);

/** What `go` is called with, to find the client and Debian's packages, and nothing of a network. */
export const GO_ENV = { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOPATH: `${GOPATH}:${DEBIAN}` };

/** Where a program that was built is. */
export function goProgram(name: string): string {
  return join(GOPATH, 'bin', name);
}

/** Makes the GOPATH, once; resolves with what is missing for that, in one line. */
export async function prepareGo(): Promise<string | undefined> {
  const missing = await goMissing();
  if (missing !== undefined) return missing;
  const place = join(GOPATH, 'src/switchyard.example');
  if (mkdirSync(place, { recursive: true }) !== undefined) {
    symlinkSync(join(ROOT, 'sdk/go'), join(place, 'switchyard'));
    process.once('exit', () => rmSync(GOPATH, { recursive: true, force: true }));
  }
  return undefined;
}

/** Runs `go`; resolves with what it wrote. Rejects with that when it fails. */
export async function go(args: readonly string[], cwd = ROOT): Promise<string> {
  try {
    const { stdout, stderr } = await execute('go', args, { cwd, env: GO_ENV });
    return stdout + stderr;
  } catch (error) {
    const { message, stdout = '' } = error as Error & { readonly stdout?: string };
    throw new Error(`${message}\n${stdout}`);
  }
}

/** Builds the main package of a folder. Resolves with what is missing for that; rejects when it does not compile. */
export async function buildGo(folder: string, name: string): Promise<string | undefined> {
  const missing = await prepareGo();
  if (missing === undefined) await go(['build', '-o', goProgram(name), '.'], join(ROOT, folder));
  return missing;
}
