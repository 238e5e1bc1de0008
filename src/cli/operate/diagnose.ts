import { parseAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import { StatusCode, SwitchyardError, type TlsOptions } from '../../client/index.js';
import { type Finding, probe, type Target } from '../peers/probe.js';
import { Failure } from '../surroundings.js';
import { explain } from './explain.js';

/** A server, as a command reaches it. */
export interface Server {
  /** HOST:PORT. */
  readonly server: string;
  /** All that the command may have spoken to, where these are several. */
  readonly servers?: readonly string[];
  readonly tls: TlsOptions | true | undefined;
}

/** What went wrong with a call to a server; in words that name the cause where the server could not be talked to. */
export async function diagnose(
  error: unknown,
  { server, servers = [server], tls }: Server,
  clock: Clock,
): Promise<unknown> {
  if (!(error instanceof SwitchyardError) || error.reason !== undefined) return error;
  if (error.code !== StatusCode.UNAVAILABLE && error.code !== StatusCode.DEADLINE_EXCEEDED) return error;
  const findings = await Promise.all(
    servers.map((one) => probe({ address: parseAddress(one), tls, speaks: 'grpc' }, clock)),
  );
  const found = findings.filter((finding) => finding !== undefined);
  // A finding names its address. With several servers each that cannot be talked to says why.
  if (found.length < 2) return found[0] === undefined ? new Failure(explain(error)[0]) : failureOf(found[0]);
  return new Failure(found.map(({ why }) => why).join('; '), [...new Set(found.flatMap(({ advice }) => advice ?? []))]);
}

/** The same in one line, for commands that go on. */
export async function diagnoseShortly(error: SwitchyardError, server: Server, clock: Clock): Promise<string> {
  const found = await diagnose(error, server, clock);
  return found instanceof SwitchyardError ? explain(found)[0] : asError(found).message;
}

/** What went wrong with a connection for system events. */
export async function diagnoseVia(
  error: Error,
  url: string,
  target: Target | undefined,
  clock: Clock,
): Promise<Failure> {
  const found = target && (await probe(target, clock));
  return found === undefined ? new Failure(`${url}: ${error.message}`) : failureOf(found);
}

function failureOf({ why, advice }: Finding): Failure {
  return new Failure(why, advice === undefined ? [] : [advice]);
}
