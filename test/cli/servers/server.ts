import { tmpdir } from 'node:os';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { readConfig } from '../../../src/config/config.js';
import { type RunningServer, startServer } from '../../../src/server/server.js';

/** A real server in this process, on a free port; with nothing on disk unless a folder is named. */
export function startTestServer(flags: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  const config = readConfig({
    flags: { listen: '127.0.0.1:0', data: ':memory:', 'log-level': 'silent', ...flags },
    env: {},
    platform: 'linux',
    home: tmpdir(),
    readFile: () => {
      throw new Error('no file is read');
    },
  });
  return startServer(config, { clock: systemClock, random: systemRandom });
}
