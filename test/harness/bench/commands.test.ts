import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMMAND_MS, lacksForCommands, playCommands, readmeCommands } from '../../../harness/bench/benches/commands.js';
import { programArguments } from '../../../harness/program.js';

/** Longer than one command may take, so that one that hangs is the failure, and says what it has printed. */
const PLAY_MS = 2 * COMMAND_MS;
const lacks = lacksForCommands();
if (lacks) process.stderr.write(`not checked: the six commands of the README on machines behind NATs: ${lacks}\n`);

describe('the six commands of the README', () => {
  it('are read without their comments, each with its machine', () => {
    expect(readmeCommands().map(({ machine }) => machine)).toEqual(['hub', 'hub', 'boat-7', 'hub', 'laptop', 'laptop']);
    expect(readmeCommands()[0]?.line).toBe('switchyard serve --listen 0.0.0.0:8768');
  });

  it('are refused where the README has another machine or one command less', () => {
    const six = readmeCommands().map(({ machine, line }) => `${machine}$ ${line}`);
    expect(readmeCommands(six.join('\n'))).toHaveLength(six.length);
    expect(() => readmeCommands(six.slice(1).join('\n'))).toThrow('the README has not the 6 commands');
    expect(() => readmeCommands(six.join('\n').replaceAll('laptop$', 'phone$'))).toThrow('the README has not');
  });

  (lacks ? it.skip : it)(
    'as they stand there, on machines with empty homes, lead from nothing to an ssh into a device behind a NAT, through another NAT',
    async () => {
      const programs = mkdtempSync(join(tmpdir(), 'switchyard-programs-'));
      try {
        const program = join(programs, 'switchyard');
        writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' ${programArguments().join(' ')} "$@"\n`);
        chmodSync(program, 0o755);
        const timed = await playCommands(programs);
        expect(timed.map(({ machine, line }) => ({ machine, line }))).toEqual(readmeCommands());
        expect(timed.every(({ tookMs }) => tookMs > 0)).toBe(true);
      } finally {
        rmSync(programs, { recursive: true, force: true });
      }
    },
    PLAY_MS,
  );
});
