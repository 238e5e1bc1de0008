import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Listening, readListening, rememberListening } from '../../src/server/listening-file.js';

const HERE: Listening = { grpc: '127.0.0.1:4711', tls: 'own' };

let folder: string;
let file: string;
let warnings: unknown[];
const log = { warn: (about: unknown) => void warnings.push(about) };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-listening-'));
  file = join(folder, 'listening.json');
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the file that says where a server listens', () => {
  it('is written when the server listens elsewhere than before', () => {
    rememberListening(folder, { ...HERE, grpc: '127.0.0.1:4710' }, log);
    rememberListening(folder, HERE, log);
    expect(readListening(folder)).toEqual(HERE);
    expect(warnings).toEqual([]);
  });

  it('is not written when it says the same already, so that no room is needed', () => {
    rememberListening(folder, HERE, log);
    const { ino } = statSync(file);
    rememberListening(folder, HERE, log);
    expect(statSync(file).ino).toBe(ino);
  });

  it('is replaced when all can read it, even when it says the same', () => {
    rememberListening(folder, HERE, log);
    const content = readFileSync(file);
    rmSync(file);
    writeFileSync(file, content);
    rememberListening(folder, HERE, log);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  it('that cannot be written is a warning with its name, and no failure', () => {
    rememberListening(join(folder, 'gone'), HERE, log);
    expect(warnings).toMatchObject([{ path: join(folder, 'gone', 'listening.json'), err: { code: 'ENOENT' } }]);
  });
});
