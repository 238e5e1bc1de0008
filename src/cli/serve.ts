import type { Command } from 'commander';
import { formatAddress, isLoopback } from '../base/address.js';
import { type Config, ConfigError, readConfig } from '../config/config.js';
import { JournalError } from '../journal/journal.js';
import { CertificateError } from '../server/certificates.js';
import { type RunningServer, startServer } from '../server/server.js';
import { jsonLine } from './json-line.js';
import { givenFlags } from './serve-options.js';
import { Failure, Interrupt, type Surroundings } from './surroundings.js';

/** How often a draining process is woken to stay alive; any time will do. */
const ALIVE_MS = 60_000;

/**
 * Runs a server until it is told to stop, then drains it. SIGTERM is how a service is stopped, so that is a success; on
 * Ctrl-C it drains just the same, and says that it was interrupted.
 */
export async function serve(command: Command, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const config = readConfig({ ...surroundings, flags: givenFlags(command) });
  await warnIfExposed(config, surroundings);
  const server = await startServer(config, surroundings).catch((error: unknown) => {
    throw startFailure(error, config);
  });
  // In an order that does not depend on who was ready first: gRPC, then the others by name.
  const { grpc, ...others } = server.addresses;
  const adapters = [['grpc', grpc], ...Object.entries(others).sort()];
  const line = config.json
    ? jsonLine({ listening: Object.fromEntries(adapters) })
    : `listening ${adapters.map(([name, address]) => `${name} ${address}`).join(', ')}\n`;
  surroundings.onHangUp?.(() => void reload(server, command, surroundings));
  await terminal.out.write(line);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  // The timers of a drain keep no process alive. Once every connection has gone, nothing else would until the deadline.
  const alive = setInterval(() => {}, ALIVE_MS);
  await server.drain().finally(() => clearInterval(alive));
  if (signal.reason instanceof Interrupt && signal.reason.signalName === 'SIGINT') throw signal.reason;
}

/** What SIGHUP means to a server: certificates and the log level are read again. */
async function reload(server: RunningServer, command: Command, surroundings: Surroundings): Promise<void> {
  try {
    server.reload(readConfig({ ...surroundings, flags: givenFlags(command) }));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    await surroundings.terminal.err.write(`nothing was reloaded: ${error.message}\n`);
  }
}

async function warnIfExposed(config: Config, { terminal }: Surroundings): Promise<void> {
  const addresses = {
    listen: config.tlsCert === undefined ? config.listen : undefined,
    'system-tcp-listen': config.systemTcpListen,
    'system-ws-listen': config.systemWsListen,
    'metrics-listen': config.metricsListen,
  };
  for (const [flag, address] of Object.entries(addresses)) {
    if (address === undefined || isLoopback(address)) continue;
    const where = formatAddress(address);
    await terminal.err.write(
      `warning: --${flag} ${where} can be reached by others and is not encrypted; session tokens can be read on the way\n`,
    );
  }
}

/** Why a server did not start, in words; what is not foreseen stays as it is. */
function startFailure(error: unknown, config: Config): unknown {
  if (error instanceof JournalError) {
    const advice = error.kind === 'locked' ? '\nGive each server a folder of its own with --data DIR.' : '';
    return new Failure(`the journal in ${config.data}: ${error.message}${advice}`);
  }
  if (error instanceof CertificateError) return new Failure(`the server did not start: ${error.message}`);
  const { code, message } = error as NodeJS.ErrnoException;
  // gRPC says only in words why it could not listen.
  const [systemCode = code] = /\bE[A-Z]{4,}\b/.exec(message) ?? [];
  if (systemCode === undefined) return error;
  const advice =
    systemCode === 'EADDRINUSE' ? '\nAnother program listens there; choose a port with --listen HOST:PORT.' : '';
  return new Failure(`the server did not start: ${message}${advice}`);
}
