import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstLineOf } from '../../../harness/nat/network.js';
import { quietPort } from '../../../harness/port.js';

const at = (path: string) => fileURLToPath(new URL(`../../../harness/${path}`, import.meta.url));
const BYTES = 4_194_304;
const TEST_MS = 60_000;

let running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running = [];
});

function plain(...words: (string | number)[]): ChildProcess {
  const args = ['--no-warnings', '--import', at('typescript.mjs'), at('nat/plain.ts'), ...words.map(String)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  return child;
}

const lineOf = (...words: (string | number)[]) => firstLineOf(plain(...words));

describe('a plain copy', () => {
  it.each(['tcp', 'tls', 'datagrams'])(
    'over %s arrives, and says how long that took',
    async (kind) => {
      const port = await quietPort();
      expect(await lineOf('take', kind, port)).toBe('ready');
      expect(Number(await lineOf('give', kind, '127.0.0.1', port, BYTES))).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  it(
    'goes through a forwarder to another port',
    async () => {
      const [port, behind] = [await quietPort(), await quietPort()];
      await lineOf('take', 'tls', behind);
      expect(await lineOf('forward', port, '127.0.0.1', behind)).toBe('ready');
      expect(Number(await lineOf('give', 'tls', '127.0.0.1', port, BYTES))).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  it(
    'over TLS is taken in TLS 1.3',
    async () => {
      const port = await quietPort();
      await lineOf('take', 'tls', port);
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      expect(socket.getProtocol()).toBe('TLSv1.3');
      socket.destroy();
    },
    TEST_MS,
  );

  it(
    'over something else is refused by name',
    async () => {
      const refused = plain('take', 'pigeons', 1);
      let said = '';
      refused.stderr!.on('data', (bytes) => (said += bytes));
      await once(refused, 'close');
      expect(said).toContain('a plain copy is made over tcp, tls, datagrams, and not over pigeons');
    },
    TEST_MS,
  );
});
