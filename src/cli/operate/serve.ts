import { createSecureContext } from 'node:tls';
import type { Command } from 'commander';
import { type Logger, pino } from 'pino';
import { formatAddress, isLoopback } from '../../base/address.js';
import { asError, codeOf } from '../../base/errors.js';
import { ConfigError, readConfig } from '../../config/config.js';
import { type Config, IN_MEMORY } from '../../config/options.js';
import { tlsPlan } from '../../config/tls-plan.js';
import { JournalError } from '../../journal/journal.js';
import { CertificateError } from '../../server/certificates/certificates.js';
import { readAuthority } from '../../server/certificates/own-certificates.js';
import { ListenError } from '../../server/listen-error.js';
import { type RunningServer, startServer } from '../../server/server.js';
import { formatPin, pinOf } from '../../trust/pin.js';
import { linesOf } from '../conclude.js';
import { LogSink } from '../output/log-sink.js';
import { readableLine } from '../output/readable-log.js';
import { Failure, Interrupt, type Surroundings } from '../surroundings.js';
import { adviceOnEtcd } from './journal-copy.js';
import { givenFlags } from './serve-options.js';
import { tellSystemd } from './systemd.js';

/** How often a draining process is woken to stay alive; any time will do. */
const ALIVE_MS = 60_000;

/**
 * Runs a server until it is told to stop, then drains it. SIGTERM is how a service is stopped, so that is a success; on
 * Ctrl-C it drains just the same, and says that it was interrupted.
 */
export async function serve(command: Command, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  surroundings.outliveOutput?.();
  const config = readConfig({ ...surroundings, flags: givenFlags(command) });
  checkCertificates(config, surroundings);
  await warnIfExposed(config, surroundings);
  await warnIfUnbounded(config, surroundings);
  const log = makeLog(config, surroundings);
  const started = reloadOnHangUp(command, surroundings);
  // A server that waits until another stops leading has nothing open that would keep the process alive.
  const waiting = setInterval(() => {}, ALIVE_MS);
  const server = await startServer(config, { ...surroundings, log })
    .catch((error: unknown) => {
      if (error === signal.reason && error instanceof Interrupt) return error;
      throw startFailure(error, config);
    })
    .finally(() => clearInterval(waiting));
  if (server instanceof Interrupt) {
    if (server.signalName === 'SIGINT') throw server;
    return;
  }
  // In a fixed order, whichever was ready first: gRPC, then the others by name.
  const { grpc, ...others } = server.addresses;
  const adapters = [['grpc', grpc], ...Object.entries(others).sort()];
  started(server);
  const listening = `listening ${adapters.map(([name, address]) => `${name} ${address}`).join(', ')}`;
  if (config.json) await terminal.out.json({ listening: Object.fromEntries(adapters) });
  else await terminal.out.write(listening);
  await tellSystemd(surroundings, 'READY=1', listening);
  await sayHowToGoOn(config, surroundings);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // The timers of a drain keep no process alive. Once every connection has gone, nothing else would until the deadline.
  const alive = setInterval(() => {}, ALIVE_MS);
  void tellSystemd(surroundings, 'STOPPING=1', 'draining');
  await server.drain().finally(() => clearInterval(alive));
  if (signal.reason instanceof Interrupt && signal.reason.signalName === 'SIGINT') throw signal.reason;
}

/** How clients get to know a server with a certificate of its own: nothing else on the screen says it. */
async function sayHowToGoOn(config: Config, { terminal }: Surroundings): Promise<void> {
  if (config.json || config.data === IN_MEMORY || tlsPlan(config).source !== 'own') return;
  const authority = readAuthority(config.data);
  if (authority === undefined) return;
  await terminal.err.write(`clients know this server by its pin, ${formatPin(pinOf(authority))}`);
  await terminal.err.write('to let a device in: switchyard ticket issue --role agent');
}

/**
 * Lets SIGHUP reload the server from the first moment on: a start can take long, and one that is told meanwhile to read its files again
 * is not told to end. Returns what is to be called with the server once it is there.
 */
function reloadOnHangUp(command: Command, surroundings: Surroundings): (server: RunningServer) => void {
  let running: RunningServer | undefined;
  let isToReload = false;
  surroundings.onHangUp?.(() => {
    if (running === undefined) isToReload = true;
    else void reload(running, command, surroundings);
  });
  return (server) => {
    running = server;
    if (isToReload) void reload(server, command, surroundings);
  };
}

/** What SIGHUP means to a server: certificates and the log level are read again. */
async function reload(server: RunningServer, command: Command, surroundings: Surroundings): Promise<void> {
  try {
    server.reload(readConfig({ ...surroundings, flags: givenFlags(command) }));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    await surroundings.terminal.err.write(`nothing was reloaded: ${error.message}`);
  }
}

/** The log: JSON lines on standard error or, where that is a terminal, lines for people. */
function makeLog({ logLevel }: Config, { terminal, clock }: Surroundings): Logger {
  const { err } = terminal;
  if (err.interactive) return pino({ level: logLevel }, { write: (line) => void err.write(readableLine(line)) });
  return pino({ level: logLevel }, new LogSink(STANDARD_ERROR, { clock }));
}

const STANDARD_ERROR = 2;

/** Says which file is wrong before anything is opened: OpenSSL's own errors name none. */
function checkCertificates({ tlsCert, tlsKey, tlsClientCa }: Config, { readFile }: Surroundings): void {
  const problems: string[] = [];
  const read = (flag: string, path: string | undefined, what: string) => {
    if (path === undefined) return undefined;
    try {
      const text = readFile(path);
      if (text.includes(`-----BEGIN `) && text.includes(what)) return text;
      problems.push(`--${flag}: ${path} holds no ${what.toLowerCase()} in PEM`);
    } catch (error) {
      problems.push(`--${flag}: ${path} cannot be read: ${asError(error).message}`);
    }
    return undefined;
  };
  const cert = read('tls-cert', tlsCert, 'CERTIFICATE');
  const key = read('tls-key', tlsKey, 'PRIVATE KEY');
  const ca = read('tls-client-ca', tlsClientCa, 'CERTIFICATE');
  if (problems.length > 0) throw new ConfigError(problems);
  try {
    createSecureContext({ cert, key, ca });
  } catch (error) {
    const code = codeOf(error) ?? 'unreadable';
    throw new ConfigError([`--tls-cert, --tls-key: the files are no certificate with its key (${code})`]);
  }
}

async function warnIfExposed(config: Config, { terminal }: Surroundings): Promise<void> {
  const plan = tlsPlan(config);
  const addresses = {
    listen: plan.grpc ? undefined : config.listen,
    'system-tcp-listen': config.systemTcpListen,
    'system-ws-listen': config.systemWsListen,
    'metrics-listen': plan.metrics ? undefined : config.metricsListen,
  };
  for (const [flag, address] of Object.entries(addresses)) {
    if (address === undefined || isLoopback(address)) continue;
    const where = formatAddress(address);
    await terminal.err.write(
      `warning: --${flag} ${where} can be reached by others and is not encrypted; session tokens can be read on the way`,
    );
  }
}

/** V8 takes the sizes of its generations when node starts: `bin/switchyard` gives them, a bare `node dist/bundle/switchyard.js` does not. */
async function warnIfUnbounded({ maxMemory }: Config, { terminal, execArgv = [] }: Surroundings): Promise<void> {
  if (maxMemory === undefined || execArgv.some((flag) => flag.startsWith('--max-semi-space-size='))) return;
  await terminal.err.write(
    'warning: --max-memory has no effect unless the server is started by the program switchyard',
  );
}

/** Why a server did not start, in words; what is not foreseen stays as it is. */
function startFailure(error: unknown, config: Config): unknown {
  if (error instanceof ConfigError) return error;
  if (error instanceof JournalError) {
    if (config.journal !== undefined) {
      const { members } = config.journal;
      const where = members.map(formatAddress).join(', ');
      return new Failure(`the journal in etcd at ${where}: ${error.message}`, adviceOnEtcd(error));
    }
    const advice = error.kind === 'locked' ? ['Give each server a folder of its own with --data DIR.'] : [];
    return new Failure(`the journal in ${config.data}: ${error.message}`, advice);
  }
  if (error instanceof CertificateError) return new Failure(`the server did not start: ${error.message}`);
  if (error instanceof ListenError) return new Failure(`the server did not start: ${error.message}`, adviceFor(error));
  return new Failure(`the server did not start: ${linesOf(error).join(' ')}`);
}

function adviceFor({ option, code }: ListenError): string[] {
  if (code === 'EADDRINUSE') return [`Another program listens there; choose a port with ${option} HOST:PORT.`];
  if (code === 'EACCES') return [`Ports below 1024 are for administrators; choose another with ${option} HOST:PORT.`];
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return [`This machine has no such address: look at ${option}.`];
  return [];
}
