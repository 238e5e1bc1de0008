import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../src/base/address.js';
import { ensureAuthorityKey, makeNextAuthority } from '../../src/server/certificates/authority-keys.js';
import { readAuthority } from '../../src/server/certificates/own-certificates.js';
import type { RunningServer } from '../../src/server/server.js';
import { pinOf } from '../../src/trust/pin.js';
import { startTestServer } from '../cli/servers/server.js';

const TEST_MS = 60_000;
const PACKAGES = fileURLToPath(new URL('../../node_modules/@bufbuild', import.meta.url));
const BUF = join(PACKAGES, readdirSync(PACKAGES).find((name) => name.startsWith('buf-')) ?? 'buf', 'bin/buf');
let folder: string;
let next: Buffer;
let server: RunningServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'authority-pins-'));
  chmodSync(folder, 0o700);
  ensureAuthorityKey(folder);
  next = makeNextAuthority(folder)!;
}, TEST_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `buf curl`, which knows nothing of our protos, is answered to Challenge. */
async function challenged(...how: string[]): Promise<{ readonly authorityPins?: string[]; readonly mode?: string }> {
  const { port } = parseAddress(server.addresses.grpc);
  const [scheme, ...flags] = how;
  const where = `${scheme}://127.0.0.1:${port}/switchyard.v1.IdentityService/Challenge`;
  const child = spawn(BUF, ['curl', '--protocol', 'grpc', ...flags, '-d', '{}', where], { cwd: tmpdir() });
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(out);
}

describe('Challenge as another program sees it', () => {
  it(
    "tells over TLS the pins of the server's own authorities, the one in use first",
    async () => {
      server = await startTestServer({ listen: '0.0.0.0:0', 'allow-open': 'true', data: folder });
      try {
        const authority = readAuthority(folder)!;
        const file = join(folder, 'exported.pem');
        writeFileSync(file, authority.toString());
        const { authorityPins = [] } = await challenged('https', '--cacert', file, '--servername', 'switchyard');
        expect(authorityPins.map((pin) => Buffer.from(pin, 'base64'))).toEqual([pinOf(authority), next]);
      } finally {
        await server.close();
      }
    },
    TEST_MS,
  );

  it(
    'tells none in plain text',
    async () => {
      server = await startTestServer({
        ...{ listen: '0.0.0.0:0', 'metrics-listen': '0.0.0.0:0', 'metrics-token': 'a-token-of-collectors' },
        ...{ 'allow-open': 'true', data: folder, 'allow-plaintext': 'true' },
      });
      try {
        const answer = await challenged('http', '--http2-prior-knowledge');
        expect(answer.mode).toMatch(/^AUTH_MODE_/);
        expect(answer.authorityPins).toBeUndefined();
      } finally {
        await server.close();
      }
    },
    TEST_MS,
  );
});
