import { execFile } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { systemClock } from '../../src/client/system.js';
import { openMeeting } from '../../src/rendezvous/meeting.js';
import { openAdmission } from '../admission/open.js';

const PYTHON_CLIENT = fileURLToPath(new URL('stun_client.py', import.meta.url));

/** The loopback addresses of this machine; not every one has IPv6. */
const LOOPBACK = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal }) => internal)
  .map(({ address }) => address)
  .filter((address) => address === '127.0.0.1' || address === '::1');

/** What the client prints, a JSON object a line. */
async function said(host: string, port: number): Promise<Record<string, unknown>[]> {
  const { stdout } = await promisify(execFile)('python3', [PYTHON_CLIENT, host, String(port)]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

it.each(LOOPBACK)('A STUN client that was written from RFC 8489 alone learns its address at %s', async (host) => {
  const meeting = await openMeeting({ host, port: 0 }, systemClock, openAdmission(systemClock));
  try {
    const lines = await said(host, meeting.address.port);
    expect(lines.map(({ transport }) => transport)).toEqual(['udp', 'udp', 'tcp', 'tcp']);
    for (const { mapped, own } of lines.filter((line) => 'mapped' in line)) {
      expect(own).toEqual([host, expect.any(Number)]);
      expect(mapped).toEqual(own);
    }
    const refusals = lines.filter((line) => 'error' in line);
    expect(refusals).toMatchObject([
      { error: 420, unknown: [0x7abc] },
      { error: 420, unknown: [0x7abc] },
    ]);
  } finally {
    meeting.close();
  }
});
