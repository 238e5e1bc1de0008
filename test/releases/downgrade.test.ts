import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Header } from '../../gen/switchyard/journal/v1/folder.js';
import { FORMAT_VERSION, Format, FrameKind, NEW_FOLDER_FORMAT, seal } from '../../src/journal/format/frame.js';
import { HEADER_PLACE } from '../../src/journal/format/header.js';
import { HEADER_KEY, revisionKey } from '../../src/journal/storage/folder.js';
import { runCommand } from '../cli/command.js';
import { run } from '../grpc/running.js';
import { edit, put } from '../journal/damage.js';
import { OldServer } from './old-server.js';
import { type JournalManifest, Release } from './release.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The formats that a folder may have and release 0.1.0 does not know. */
const LATER_FORMATS = Object.values(Format).filter((format) => format > Format.FIRST);
/** UseRules with the second rules, which no release knows yet. */
const USE_RULES = Buffer.from('aa01020802', 'hex');

const SERVE = ['serve', '--listen', '127.0.0.1:0'];

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-downgrade-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const dataFile = () => readFile(join(folder, 'data.mdb'));
const golden = (format: number) => new Release<JournalManifest>(join(HERE, 'formats', String(format)));

describe('release 0.1.0', () => {
  const release = new Release(join(HERE, '0.1.0'));
  let old: OldServer;

  beforeAll(async () => {
    old = await OldServer.unpack(release.path('switchyard-0.1.0.tgz'), ROOT);
  });
  afterAll(() => old.remove());

  /** Each of these commands refuses the folder, and changes nothing. */
  async function expectRefusal(format: number, ...commands: readonly string[][]): Promise<void> {
    const before = await dataFile();
    for (const command of commands) {
      const args = [...command, '--data', folder];
      const { status, err } = await old.run(args);
      expect(err).toContain(
        `the folder ${folder} has format version ${format}; this build knows version 1. Nothing was changed.`,
      );
      expect(status).toBe(1);
    }
    expect((await dataFile()).equals(before)).toBe(true);
  }

  it.each(LATER_FORMATS)('refuses a folder of format %i by its number, and leaves it as it is', async (format) => {
    await golden(format).unpackData('snapshots', folder);
    await expectRefusal(format, SERVE);
  });

  it('refuses its own folder once today’s server has started on it', async () => {
    await release.unpackData('snapshots', folder);
    const at = await run({ data: folder });
    await at.stop();
    await expectRefusal(NEW_FOLDER_FORMAT, SERVE, ['journal', 'check']);
  });
});

describe('this build', () => {
  it('has a line in the table of releases with the formats that it reads', async () => {
    const table = await readFile(join(ROOT, 'docs', 'journal.md'), 'utf8');
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    expect(table).toContain(`\n| ${version} | 1 to ${FORMAT_VERSION} | ${NEW_FOLDER_FORMAT} |`);
  });

  /** What `serve` says of the folder, which stays as it is. */
  async function refusal(): Promise<string> {
    await chmod(folder, 0o700);
    const before = await dataFile();
    const { status, err } = await runCommand([...SERVE, '--data', folder]);
    expect(status).not.toBe(0);
    expect((await dataFile()).equals(before)).toBe(true);
    return err;
  }

  it('refuses a folder of a later format by its number and the release that wrote it', async () => {
    await golden(FORMAT_VERSION).unpackData('snapshots', folder);
    const message = Header.encode({ initialLimits: undefined, release: '0.9.0' }).finish();
    const content = Buffer.concat([Buffer.alloc(8), message]);
    await edit(folder, null, HEADER_KEY, () =>
      Buffer.from(seal(FrameKind.HEADER, HEADER_PLACE, content, FORMAT_VERSION + 1)),
    );
    expect(await refusal()).toContain(
      `has format version ${FORMAT_VERSION + 1}, written by release 0.9.0; this build knows version ${FORMAT_VERSION}`,
    );
  });

  it.each([
    [
      'that brings later rules by their number',
      FORMAT_VERSION,
      'holds the value 2 of UseRules.rules, which this build does not know',
    ],
    [
      'of a later format by the format',
      FORMAT_VERSION + 1,
      `has format version ${FORMAT_VERSION + 1}; this build knows version`,
    ],
  ])('stops at a command %s', async (_name, format, says) => {
    await golden(FORMAT_VERSION).unpackData('snapshots', folder);
    const revision = (await golden(FORMAT_VERSION).manifest()).commands + 1;
    const bytes = seal(FrameKind.RECORD, { revision, part: 0 }, USE_RULES, format);
    await put(folder, 'records', [[revisionKey(revision), bytes]]);
    expect(await refusal()).toContain(`record ${revision} ${says}`);
  });
});
