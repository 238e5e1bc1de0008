import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  IdentityServiceService as Identities,
  type WatchAuditRequest,
  type WatchAuditResponse,
} from '../../gen/switchyard/v1/identity.js';
import { auditFolder, auditLines } from '../../src/audit/folder.js';
import { AUDIT_LIMITS } from '../../src/audit/limits.js';
import { EMPTY_CHAIN, endAfter, writeLine } from '../../src/audit/line.js';
import { systemClock } from '../../src/client/system.js';
import { type Ended, runCommand } from '../cli/command.js';
import { ADMIN_TOKEN, agent, asAdmin, ask, type Running, run } from '../grpc/running.js';
import { keyOf } from '../trust/proving.js';

/** Anchors at once what would be anchored a minute after the start. */
const clock = {
  ...systemClock,
  after: (ms: number, call: () => void) => systemClock.after(ms === AUDIT_LIMITS.anchorSoonMs ? 300 : ms, call),
};

let home: string;
let data: string;
let at: Running | undefined;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'anchored-'));
  data = join(home, 'data');
  at = await run({ data }, { clock });
  const { instanceUuid: identityUuid } = agent(1);
  await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(1).publicKey }, asAdmin());
  await anchored(2);
});
afterEach(async () => {
  await stop();
  rmSync(home, { recursive: true });
});

async function stop(): Promise<void> {
  await at?.stop();
  at = undefined;
}

function verify(folder = data): Promise<Ended> {
  return runCommand(['audit', 'verify', '--data', folder, '--json'], { env: { SWITCHYARD_ADMIN_TOKEN: ADMIN_TOKEN } });
}

/** Waits until the journal knows a line. */
async function anchored(number: number): Promise<void> {
  for (;;) {
    const { anchors } = JSON.parse((await verify()).out);
    if (anchors.at(-1)?.number >= number) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until the journal knows that a line was missing. */
async function missed(): Promise<void> {
  for (;;) {
    const { anchors } = JSON.parse((await verify()).out);
    if (anchors.some(({ missed }: { missed: boolean }) => missed)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Writes the only file of the log anew. */
function rewrite(change: (lines: string[]) => string[]): void {
  const folder = auditFolder(data);
  const [name] = readdirSync(folder);
  const file = join(folder, name);
  writeFileSync(
    file,
    change(readFileSync(file, 'utf8').split('\n').slice(0, -1))
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** A chain of so many lines that are well-formed and never happened. */
function forged(count: number): string[] {
  let end = EMPTY_CHAIN;
  return Array.from({ length: count }, () => {
    const line = writeLine(end, { who: 'server', from: '', what: 'Start', on: '', outcome: 'ok', count: 1 }, 0);
    end = endAfter(end, line);
    return line;
  });
}

describe('an audit log that is anchored in the journal', () => {
  it('is verified against a server that runs, and against the folder of one that does not', async () => {
    expect(await verify()).toMatchObject({ status: 0 });
    await stop();
    const { status, out } = await verify();
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ problems: [], anchors: [{ number: 2, missed: false }] });
    const plain = await runCommand(['audit', 'verify', '--data', data]);
    expect(plain.out).toMatch(/^2 lines in 1 file\nthe last has [0-9a-f]{64}\nthe journal knows line 2 of 2\S+Z\n$/);
  });

  it.each<[string, (lines: string[]) => string[], RegExp]>([
    ['its last line is gone', (lines) => lines.slice(0, -1), /does not hold this line/],
    ['all of its lines are gone', () => [], /does not hold this line/],
    ['all of it was written anew', (lines) => forged(lines.length), /it was written anew/],
    ['it was written anew and goes on', (lines) => forged(lines.length + 5), /it was written anew/],
  ])('is found out when %s, also after a server went on with it', async (_, change, problem) => {
    await stop();
    rewrite(change);
    const found = await verify();
    expect(found.status).toBe(1);
    expect(JSON.parse(found.out).problems).toEqual([
      { file: 'journal', line: 2, problem: expect.stringMatching(problem) },
    ]);
    at = await run({ data }, { clock });
    // It says so itself, and in the journal, which later anchors do not hide.
    await missed();
    const later = await verify();
    expect(later.status).toBe(1);
    expect(JSON.parse(later.out).problems).toEqual([
      { file: 'journal', line: 2, problem: expect.stringMatching(/when the server started/) },
    ]);
    await stop();
    expect(JSON.parse((await verify()).out).problems).toHaveLength(1);
    expect([...auditLines(auditFolder(data))].map(({ line }) => line?.what)).toContain('AuditBroken');
  });

  it('is told apart from one that a server of an earlier release keeps, which tells of no anchors', async () => {
    await stop();
    const earlier = new Server();
    const { watchAudit } = Identities;
    earlier.addService(
      { watchAudit },
      {
        watchAudit: (call: ServerWritableStream<WatchAuditRequest, WatchAuditResponse>) => {
          call.write({ lines: [], end: 2n, anchors: [] });
          call.end();
        },
      },
    );
    const bind = promisify(earlier.bindAsync.bind(earlier));
    const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
    const args = ['audit', 'verify', '--data', data, '--server', `127.0.0.1:${port}`];
    const env = { SWITCHYARD_ADMIN_TOKEN: ADMIN_TOKEN };
    const { status, out, err } = await runCommand(args, { env });
    expect({ status, out, err }).toEqual({
      status: 0,
      err: '',
      out: expect.stringMatching(
        /\nnot compared with the journal: the server tells of no line that its journal knows: it/,
      ),
    });
    const json = await runCommand([...args, '--json'], { env });
    expect(JSON.parse(json.out)).toMatchObject({
      anchors: [],
      notCompared: expect.stringMatching(/^the server tells/),
    });
    earlier.forceShutdown();
  });

  it('is told apart from one whose journal nobody could ask', async () => {
    await stop();
    const copy = join(home, 'copy');
    cpSync(auditFolder(data), auditFolder(copy), { recursive: true });
    const { status, out } = await runCommand(['audit', 'verify', '--data', copy]);
    expect(status).toBe(0);
    expect(out).toMatch(/not compared with the journal: there is no journal in/);
  });
});
