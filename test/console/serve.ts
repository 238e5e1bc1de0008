// A server with a console, as a process of its own that can be killed: serve.ts ASSETS FLAG=VALUE…
//
// Prints where it listens, as `switchyard serve --json` does.
import { systemClock, systemRandom } from '../../src/client/system.js';
import { readConfig } from '../../src/config/config.js';
import { readAssets } from '../../src/console/assets.js';
import { startServer } from '../../src/server/server.js';

const [folder, ...options] = process.argv.slice(2);
const flags = Object.fromEntries(options.map((option) => option.split('=')));
const config = readConfig({ flags, env: {}, platform: 'linux', home: '/nowhere', readFile: () => '' });
const surroundings = { clock: systemClock, random: systemRandom, assets: readAssets(folder) };
const server = await startServer(config, surroundings);
console.log(JSON.stringify({ listening: server.addresses }));
process.on('SIGTERM', async () => {
  await server.drain();
  process.exit(0);
});
// Its sockets alone would do, but a drained one lives until it is told to exit.
setInterval(() => {}, 60_000);
