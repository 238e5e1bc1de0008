import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Running } from '../../grpc/running.js';
import { run } from '../../grpc/running.js';
import { type RunningCommand, runCommand, startCommand } from '../command.js';

const TEST_MS = 30_000;
const LAPTOP = '00000000-0000-4000-8000-00000000000a';
const OTHER = 'f'.repeat(64);

describe('a peer whose key is pinned', () => {
  let at: Running;
  let echo: Server;
  let open: string;
  let harbour: RunningCommand;
  let keyId: string;
  /** The home of one who connects. */
  let home: string;

  beforeAll(async () => {
    at = await run();
    echo = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => {
      echo.listen(0, 'localhost', resolve);
    });
    open = String((echo.address() as AddressInfo).port);
    const joined = startCommand(['join', '--server', at.address, '--name', 'harbour', '--port', open]);
    await joined.printed(/joined as \d+/);
    harbour = joined;
    const shown = await runCommand(['key', 'show', '--server', at.address, '--name', 'harbour', '--json']);
    ({ keyId } = JSON.parse(shown.out) as { keyId: string });
  }, TEST_MS);
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'pinned-peers-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));
  afterAll(async () => {
    harbour.interrupt();
    await harbour.ended;
    echo.close();
    await at.stop();
  });

  async function connect(...flags: string[]) {
    const output = new PassThrough();
    const heard = text(output);
    const args = ['connect', '--server', at.address, ...flags, 'harbour', open];
    const { status, err } = await runCommand(args, { input: Readable.from([Buffer.from('ahoy')]), output, home });
    output.end();
    return { status, err, heard: await heard };
  }

  function knownPeers(content: string): string {
    const folder = join(home, '.local/share/switchyard');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'known_peers');
    writeFileSync(path, content, { mode: 0o644 });
    return path;
  }

  it(
    'is connected to by one who pins it',
    async () => {
      expect(await connect('--peer-key', keyId.toUpperCase())).toEqual({ status: 0, err: '', heard: 'ahoy' });
      expect(await connect('--peer-key', OTHER, '--peer-key', keyId)).toEqual({ status: 0, err: '', heard: 'ahoy' });
    },
    TEST_MS,
  );

  it(
    'is not connected to by one who pins another key, who is told which one it has',
    async () => {
      const { status, err, heard } = await connect('--peer-key', OTHER);
      expect({ status, heard }).toEqual({ status: 1, heard: '' });
      expect(err).toMatch(
        new RegExp(
          `^\\d+ is not known to be the peer that was asked for: its key is endorsed by ${keyId}, which is not`,
        ),
      );
      expect(err).toContain('switchyard key show');
    },
    TEST_MS,
  );

  it(
    'is known by known_peers, by the word that names it there',
    async () => {
      const path = knownPeers(`# boats\nharbour ${OTHER}\n`);
      expect((await connect()).err).toContain('which is not pinned');
      writeFileSync(path, `other ${OTHER}\n\nharbour\t${keyId}\n`);
      expect(await connect()).toEqual({ status: 0, err: '', heard: 'ahoy' });
      writeFileSync(path, `other ${OTHER}\n`);
      expect(await connect()).toEqual({ status: 0, err: '', heard: 'ahoy' });
      writeFileSync(path, `harbour ${OTHER}\n`);
      expect(await connect('--peer-key', keyId)).toEqual({ status: 0, err: '', heard: 'ahoy' });
    },
    TEST_MS,
  );

  it('is not connected to with a pin that is none, or a known_peers with a mistake or that others can write', async () => {
    expect(await connect('--peer-key', 'abc')).toMatchObject({
      status: 2,
      err: expect.stringContaining('--peer-key: "abc"'),
    });
    const path = knownPeers(`other ${OTHER}\nharbour ${keyId.slice(1)}\n`);
    expect(await connect()).toMatchObject({ status: 1, err: expect.stringContaining('known_peers:2: a line is') });
    writeFileSync(path, `harbour ${keyId}\n`);
    chmodSync(path, 0o666);
    expect(await connect()).toMatchObject({ status: 1, err: expect.stringContaining('known_peers') });
  });

  it(
    'lets in by key only who has it',
    async () => {
      const mine = ['key', 'show', '--server', at.address, '--uuid', LAPTOP, '--json'];
      await connect('--uuid', LAPTOP);
      const shown = await runCommand(mine, { home });
      const { keyId: own } = JSON.parse(shown.out) as { keyId: string };
      const args = ['join', '--server', at.address, '--name', 'quay', '--port', open, '--from', `key:${own}`];
      const quay = startCommand(args);
      await quay.printed(/joined as \d+/);
      const reach = (...flags: string[]) =>
        runCommand(['connect', '--server', at.address, ...flags, 'quay', open], { home, input: Readable.from([]) });
      expect(await reach('--uuid', LAPTOP)).toMatchObject({ status: 0 });
      expect(await reach()).toMatchObject({
        status: 1,
        err: expect.stringMatching(/not open to you/),
      });
      quay.interrupt();
      await quay.ended;
    },
    TEST_MS,
  );
});
