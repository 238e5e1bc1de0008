#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { homeFolder } from './base/home-folder.js';
import { readNamedFile } from './base/private-files.js';
import { linesOf } from './cli/conclude.js';
import { processTerminal } from './cli/output/terminal.js';
import { EXIT, runCli } from './cli/program.js';
import { proxyVariables } from './cli/proxy-variables.js';
import { Interrupt } from './cli/surroundings.js';
import { logGrpcWithoutValues } from './client/channel/grpc-log.js';
import { systemClock, systemRandom } from './client/system.js';

// The process itself: arguments in, exit status out, and signals in between. Everything else is in cli/.

// What a dependency may do no more in a later Node is of no use to whoever runs a command.
process.noDeprecation = true;

Object.assign(process.env, proxyVariables(process.env));

const stop = new AbortController();
const terminal = processTerminal(process);

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // Whoever asks a second time does not want to wait for anybody's goodbye.
    if (stop.signal.aborted) process.exit(name === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
    stop.abort(new Interrupt(name));
  });
}

// To a server it says that its files have changed; to everything else that its terminal has gone.
let hungUp = () => stop.abort(new Interrupt('SIGHUP'));
process.on('SIGHUP', () => hungUp());

// `switchyard watch | head` is no failure: nobody reads any more, so there is nothing left to do. A server has more to do than print.
let outputFailed = (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  fail(`standard output: ${error.message}`);
};
process.stdout.on('error', (error) => outputFailed(error));
// What is said about the work is not the work: it goes on when nobody reads it.
process.stderr.on('error', () => {});
process.on('uncaughtException', (error) => fail(...linesOf(error)));

// It says it on standard error by itself, with the values of metadata.
logGrpcWithoutValues((line) => void terminal.err.writeLines([`grpc: ${line}`]));

/** Ends the process where no command can say any more what went wrong. */
function fail(...lines: readonly string[]): void {
  void terminal.err.writeLines(lines).finally(() => process.exit(EXIT.failed));
}

process.exitCode = await runCli(process.argv.slice(2), {
  terminal,
  // Opened only by the commands that read it: an open input would keep the process alive.
  get input() {
    return process.stdin;
  },
  output: process.stdout,
  env: process.env,
  platform: process.platform,
  home: homeFolder(),
  readFile: (path, kind) => (kind === 'trusted' ? readNamedFile(path).toString('utf8') : readFileSync(path, 'utf8')),
  clock: systemClock,
  random: systemRandom,
  pid: process.pid,
  execArgv: process.execArgv,
  signal: stop.signal,
  onHangUp: (listener) => {
    hungUp = listener;
  },
  outliveOutput: () => {
    outputFailed = () => {};
  },
});
