import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';

const SOURCES = new URL('../../src/client/index.ts', import.meta.url).href;
const TYPESCRIPT = fileURLToPath(new URL('../../harness/typescript.mjs', import.meta.url));
const UUID = '6f1f3f0e-3f67-4b5e-9a53-0a4b7b8f3c11';

/** A program that uses the client; nobody listens on port 1. */
const PREAMBLE = `
  import { InstanceType, Switchyard } from '${SOURCES}';
  const yard = new Switchyard({ server: '127.0.0.1:1' });
`;

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function run(program: string) {
  const args = ['--no-warnings', '--import', TYPESCRIPT, '--input-type=module', '--eval', PREAMBLE + program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
  return { child, ended, line: async () => (await lines.next()).value as string };
}

describe('a program', () => {
  it('ends by itself when it has nothing open', async () => {
    const { ended, line } = run(`
      await yard.getNode(7).catch((error) => console.log(error.code));
    `);
    expect(await line()).toBe('14');
    expect(await ended).toBe(0);
  });

  it('stays while an instance looks for its server, and ends as soon as it has left', async () => {
    const { child, ended, line } = run(`
      const me = yard.join({ uuid: '${UUID}', type: InstanceType.AGENT });
      let broken = 0;
      me.on('broken', () => { if (++broken === 3) console.log('still here'); });
      process.once('SIGINT', () => yard.close());
      console.log(await me.ended);
    `);
    expect(await line()).toBe('still here');
    child.kill('SIGINT');
    expect(await line()).toBe('undefined');
    expect(await ended).toBe(0);
  });

  it('stays while a watch looks for its server, and ends with its signal', async () => {
    const { child, ended, line } = run(`
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
      let broken = 0;
      const onBreak = () => { if (++broken === 3) console.log('still here'); };
      try {
        for await (const _ of yard.watchNetworkDelta({ signal: interrupted.signal, onBreak }));
      } catch (error) {
        console.log(error.message);
      }
    `);
    expect(await line()).toBe('still here');
    child.kill('SIGINT');
    expect(await line()).toBe('interrupted');
    expect(await ended).toBe(0);
  });

  it('that does not listen for SIGINT is ended by it', async () => {
    const { child, ended, line } = run(`
      yard.watchNetwork().on('broken', () => console.log('broken'));
    `);
    expect(await line()).toBe('broken');
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
  });
});
