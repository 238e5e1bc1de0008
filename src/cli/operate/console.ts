import { spawn } from 'node:child_process';
import { isLoopback, parseAddress } from '../../base/address.js';
import { type Switchyard, SwitchyardError } from '../../client/index.js';
import type { ConsoleRole } from '../../console/calls-port.js';
import { makeCode, makeIdentityCode } from '../../console/credentials.js';
import { CONSOLE_LIMITS } from '../../console/limits.js';
import { ROLES } from '../../core/model/trust/identity.js';
import { ROLE_PERMISSIONS } from '../../core/model/trust/permission.js';
import {
  closing,
  connector,
  networkOf,
  serverAddress,
  serverPorts,
  withAdministrator,
  withServer,
} from '../connection.js';
import { keptLogin, type LoggedIn, logIn, type ReaderFlags, withAccess } from '../reader.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { type AdminToken, adminTokenFor, givenAdminToken } from '../trust/admin-token.js';
import { durationWord, momentWord } from '../words.js';

/** How `console` was asked for. */
export interface ConsoleFlags extends ReaderFlags {
  readonly print?: boolean;
  readonly json?: boolean;
  readonly admin?: boolean;
}

/** Programs that open a page, by platform. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = { darwin: ['open'], linux: ['xdg-open'] };

/** Whom the page lets in, with what proves it. */
type Whom =
  | { readonly kind: 'identity'; readonly login: OwnLogin }
  /** With why the identity of this user was not taken, where it has one. */
  | { readonly kind: 'token'; readonly admin: AdminToken; readonly problem?: Error | undefined };

/** Who has logged in on this machine, or whom its key stands for, with its roles. */
interface OwnLogin extends LoggedIn {
  readonly roles: readonly string[];
  /** When its access token ends, by the wall clock, where the console's login ends with that. */
  readonly tokenEndsMs?: number | undefined;
}

/**
 * Prints where the console is, with a code that lets a browser in once and how long that login lasts, and opens it for a person. The code is made here: of an
 * access token, for the identity of this user, or of the administrator's token. Where that was found without being named, the
 * server proves first that it knows it: the page is where the server says, and a code that another one gets is good at the own one
 * for a minute.
 */
export async function openConsole(flags: ConsoleFlags, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const whom = await chooseWhom(flags, surroundings);
  const url = `${await findConsole(whom, flags, surroundings)}/#code=${codeFor(whom, flags, surroundings)}`;
  const ends = loginEnds(whom, surroundings);
  if (whom.kind === 'token' && whom.problem !== undefined) {
    await terminal.err.write(`this is a link for a viewer, as your own login failed: ${whom.problem.message}`);
  }
  if (flags.json) {
    const network = networkOf(flags, surroundings);
    return terminal.out.json({ url, role: roleOf(whom, flags), network, ...ends });
  }
  await terminal.out.write(url);
  await terminal.err.write(endsWord(ends));
  if (flags.print || !terminal.out.interactive) return;
  const [program, ...args] = OPENERS[surroundings.platform] ?? [];
  if (program === undefined) return;
  // Where there is no such program, or no screen, the address that was printed is enough.
  spawn(program, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

/**
 * A token that was given, or asked for with --admin, comes first; then the identity of this user, unless it has no role that reads
 * the graph and an administrator's token is there, by which a viewer does.
 */
async function chooseWhom(flags: ConsoleFlags, surroundings: Surroundings): Promise<Whom> {
  const isGiven = flags.data !== undefined || givenAdminToken(flags, surroundings.env) !== undefined;
  const { login, problem } = flags.admin || isGiven ? {} : await tryOwnLogin(flags, surroundings);
  if (login !== undefined && readsGraph(login.roles)) return { kind: 'identity', login };
  const admin = await adminTokenFor(flags, surroundings, serverPorts(flags, surroundings));
  if (admin !== undefined) return { kind: 'token', admin, problem };
  if (problem !== undefined) throw problem;
  if (login !== undefined) return { kind: 'identity', login };
  const how = "name the server's data folder with --data, or give --admin-token";
  if (flags.admin) throw new Failure(`no administrator's token was found, of which logins are made: ${how}`);
  throw new Failure("the server knows no key of this machine, and no administrator's token was found", [
    `Log in with switchyard login, or ${how}.`,
  ]);
}

function readsGraph(roles: readonly string[]): boolean {
  return ROLES.some((role) => roles.includes(role) && ROLE_PERMISSIONS[role].includes('graph.read'));
}

/** The same, or why it came to nothing: an administrator's token may still be there. */
async function tryOwnLogin(
  flags: ConsoleFlags,
  surroundings: Surroundings,
): Promise<{ readonly login?: OwnLogin | undefined; readonly problem?: Error }> {
  try {
    return { login: await ownLogin(flags, surroundings) };
  } catch (problem) {
    const isTold = problem instanceof Failure || problem instanceof SwitchyardError;
    if (isTold && !surroundings.signal.aborted) return { problem };
    throw problem;
  }
}

/** A token that login has kept, if the server still knows it; else a new one by the key. */
async function ownLogin(flags: ConsoleFlags, surroundings: Surroundings): Promise<OwnLogin | undefined> {
  const kept = keptLogin(flags, surroundings);
  const roles = kept && (await rolesBy(kept, flags, surroundings));
  if (kept !== undefined && roles !== undefined) {
    return { ...kept, roles, tokenEndsMs: kept.isByIssuer ? kept.goodUntilMs : undefined };
  }
  return logIn(flags, surroundings);
}

/** The roles of whom a token is; undefined where the server does not know it, as after a restart. */
async function rolesBy({ accessToken }: LoggedIn, flags: ConsoleFlags, surroundings: Surroundings) {
  const yard = connector(flags, surroundings, { accessToken })();
  const { signal } = surroundings;
  try {
    const { principal } = await closing(flags, surroundings, yard, () => yard.identities.whoAmI({ signal }));
    return principal?.roles;
  } catch (error) {
    if (error instanceof SwitchyardError && error.reason === 'AUTH_REQUIRED') return undefined;
    throw error;
  }
}

/** What `getServer` answers with. */
type ServerFacts = Awaited<ReturnType<Switchyard['getServer']>>;

/** The address of the page, without a slash at its end. */
async function findConsole(whom: Whom, flags: ConsoleFlags, surroundings: Surroundings): Promise<string> {
  const { addresses } = await serverFacts(whom, flags, surroundings);
  const found = addresses.find(({ codeName }) => codeName === 'console');
  if (found === undefined) {
    throw new Failure('this server has no console: start it with `switchyard serve --console`');
  }
  const { tls, tlsCa, tlsCert } = flags;
  const hasFiles = tls || tlsCa !== undefined || tlsCert !== undefined;
  // Beyond loopback it speaks TLS always, on loopback only by a certificate of --tls-cert.
  const scheme = hasFiles || !isLoopback(parseAddress(found.address)) ? 'https' : 'http';
  return `${scheme}://${reachable(found.address, serverAddress(flags, surroundings))}`;
}

/** What the server tells of itself. A token that was given is only sent where nobody else is told addresses. */
async function serverFacts(whom: Whom, flags: ConsoleFlags, surroundings: Surroundings): Promise<ServerFacts> {
  const run = (yard: Switchyard) => yard.getServer({ signal: surroundings.signal });
  if (whom.kind === 'identity') return withAccess(whom.login, flags, surroundings, run);
  const asNobody = whom.admin.foundIn === undefined ? await withServer(flags, surroundings, run) : undefined;
  if (asNobody !== undefined && asNobody.addresses.length > 0) return asNobody;
  return withAdministrator(flags, surroundings, run);
}

function codeFor(whom: Whom, flags: ConsoleFlags, surroundings: Surroundings): string {
  const { clock, random } = surroundings;
  const network = networkOf(flags, surroundings);
  if (whom.kind === 'token') {
    return makeCode(whom.admin.token, { role: roleOf(whom, flags), network }, clock, random);
  }
  const { uuid, accessToken } = whom.login;
  return makeIdentityCode(accessToken, { uuid, network }, clock, random);
}

function roleOf({ kind }: Whom, { admin }: ConsoleFlags): ConsoleRole {
  if (kind === 'identity') return kind;
  return admin ? 'administrator' : 'viewer';
}

/** How long a login by a link lasts. */
interface LoginEnds {
  /** Since the page was last opened. */
  readonly unopenedForMs: number;
  /** The latest moment, however often it is opened. */
  readonly loginEndsAt: Date;
}

/** By this machine's clock, for a code that is used as late as it may be. */
function loginEnds(whom: Whom, { clock }: Surroundings): LoginEnds {
  const { codeMs, loginMs, loginInAllMs } = CONSOLE_LIMITS;
  const tokenEndsMs = whom.kind === 'identity' ? whom.login.tokenEndsMs : undefined;
  const endsMs = clock.wallMs() + codeMs + loginInAllMs;
  return { unopenedForMs: loginMs, loginEndsAt: new Date(Math.min(endsMs, tokenEndsMs ?? endsMs)) };
}

function endsWord({ unopenedForMs, loginEndsAt }: LoginEnds): string {
  const unopened = durationWord(unopenedForMs);
  return `a login by this link ends ${unopened} after the page was last opened, and on ${momentWord(loginEndsAt)} at the latest`;
}

/** A console that listens on all interfaces is reached by the host by which the server is. */
function reachable(address: string, server: string): string {
  const { host, port } = parseAddress(address);
  if (host !== '0.0.0.0' && host !== '::') return address;
  const { host: asked } = parseAddress(server);
  return `${asked.includes(':') ? `[${asked}]` : asked}:${port}`;
}
