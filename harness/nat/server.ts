/** The server as a process of its own, reachable over both IP versions. Takes a data folder and a port; prints `ready`. */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { readConfig } from '../../src/config/config.js';
import { startServer } from '../../src/server/server.js';
import { SERVER_PORT } from './ports.js';

const [, , data = ':memory:', port = SERVER_PORT] = process.argv;
const token = randomBytes(16).toString('hex');
const config = readConfig({
  flags: { listen: `[::]:${port}`, 'allow-open': 'true', 'allow-plaintext': 'true', data, 'admin-token': token },
  env: {},
  platform: 'linux',
  home: '/nowhere',
  readFile: () => '',
});
await startServer(config, { clock: systemClock, random: systemRandom, log: pino({ level: 'silent' }) });
console.log('ready');
