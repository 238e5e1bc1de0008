import { type IncomingMessage, request as requestPlain } from 'node:http';
import { type RequestOptions, request as requestSecure } from 'node:https';
import { isIP } from 'node:net';
import { type Address, formatAddress, isLoopback, parseAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { within } from '../../base/timing.js';
import { ValueError } from '../../base/value-error.js';
import { readMetricsToken } from '../../server/admin-token.js';
import { type ConnectionFlags, serverOf } from '../connection.js';
import { rootedAt } from '../peers/probe.js';
import { Failure, type Surroundings, UsageError } from '../surroundings.js';

/** Options that say where the metrics are, and what they want to hear. */
export interface MetricsFlags extends ConnectionFlags {
  /** Where the server's metrics are, when it does not say. */
  readonly metrics?: string;
  readonly metricsToken?: string;
}

/** What the port for metrics answered. */
export interface MetricsAnswer {
  readonly status: number | undefined;
  readonly text: readonly string[];
}

/** How long the metrics may take to come. */
const METRICS_MS = 10_000;
/** Twenty times what a server has to say: it could be any other program. */
const ANSWER_BYTES_MAX = 4 << 20;

/** Throws a {@link UsageError} where the option that says where the metrics are is no address. */
export function checkMetrics({ metrics }: MetricsFlags): void {
  try {
    if (metrics !== undefined) parseAddress(metrics);
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`--metrics: ${JSON.stringify(metrics)} ${error.message}`);
    throw error;
  }
}

/**
 * Where the metrics are: where an option says, or else where the server says that they are, as this machine reaches it. Throws a
 * {@link Failure} where that is a port of the server's own machine, which would be a port of another program here.
 */
export function metricsAddress(told: string | undefined, flags: MetricsFlags, surroundings: Surroundings): Address {
  if (flags.metrics !== undefined) return parseAddress(flags.metrics);
  if (told === undefined) throw new Failure('the server has no --metrics-listen');
  const server = parseAddress(serverOf(flags, surroundings).server);
  const at = parseAddress(told);
  if (at.host === '0.0.0.0' || at.host === '::') return { host: server.host, port: at.port };
  if (!isLoopback(at) || isLoopback(server)) return at;
  throw new Failure(
    `they are at ${told} of the server's own machine: run this there, or name an address that leads to it with --metrics`,
  );
}

/**
 * Asks the port for metrics. Beyond loopback it is spoken to as the server is, over TLS where that is, and is shown the token for
 * collectors where there is one.
 */
export async function fetchMetrics(
  at: Address,
  path: string,
  flags: MetricsFlags,
  surroundings: Surroundings,
): Promise<MetricsAnswer> {
  const { server, tls } = serverOf(flags, surroundings);
  const isSecure = tls !== undefined && !isLoopback(at);
  const token = isSecure || isLoopback(at) ? await collectorsToken(flags, surroundings) : undefined;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  // Metrics show the server's own certificate, whatever address leads to them. A pin is looked for where gRPC is spoken.
  const { host } = parseAddress(server);
  const named = isIP(host) ? {} : { serverName: host };
  const { serverName, ...trust } = isSecure
    ? { ...named, ...(tls === true ? {} : await rootedAt(parseAddress(server), tls)) }
    : {};
  const send = isSecure ? requestSecure : requestPlain;
  const secure = isSecure ? { ...trust, ...(serverName !== undefined && { servername: serverName }) } : {};
  return ask(send, { ...at, path, headers, ...secure }, surroundings.clock);
}

/** The token for collectors: given, or that of the data folder that --data names. */
async function collectorsToken(
  { metricsToken, data }: MetricsFlags,
  { env }: Surroundings,
): Promise<string | undefined> {
  return metricsToken ?? (env.SWITCHYARD_METRICS_TOKEN || (data && (await readMetricsToken(data))) || undefined);
}

function ask(
  send: typeof requestPlain | typeof requestSecure,
  options: RequestOptions,
  clock: Clock,
): Promise<MetricsAnswer> {
  return within(clock, METRICS_MS, async (signal) => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      send({ ...options, agent: false, signal }, resolve)
        .on('error', (error) => reject(signal.aborted ? signal.reason : failure(error, options)))
        .end();
    });
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX)
        throw new Failure(`more than ${ANSWER_BYTES_MAX} bytes: these are no metrics`);
    }
    return { status: response.statusCode, text: text.split('\n') };
  });
}

/** Not OpenSSL's own message, which has an address of the process in it. */
function failure({ code, message }: NodeJS.ErrnoException, { host, port }: RequestOptions): Failure {
  return new Failure(
    `${formatAddress({ host: String(host), port: Number(port) })} cannot be asked: ${code ?? message}`,
  );
}
