#!/usr/bin/env node
// The same as bin/switchyard where there is no `sh`: Windows. It is one process for every command but `serve`, which is a child,
// because V8 takes the sizes of its generations when node starts and a process cannot become another one there.
import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bundle = (name) => fileURLToPath(new URL(`../dist/bundle/${name}`, import.meta.url));
const args = process.argv.slice(2);

/** The flags that the options ask for; none where they are wrong, which the server says itself. */
function nodeFlags() {
  try {
    const env = { ...process.env, NODE_CHANNEL_FD: undefined };
    const said = execFileSync(process.execPath, [bundle('node-flags.js'), ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return said.split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

if (args[0] === 'serve') {
  const server = spawn(process.execPath, [...nodeFlags(), bundle('switchyard.js'), ...args], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both. What was sent to this process alone is passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal));
  server.on('exit', (status, signal) => {
    process.exitCode = status ?? (signal === null ? 1 : 128);
  });
} else await import('../dist/bundle/switchyard.js');
