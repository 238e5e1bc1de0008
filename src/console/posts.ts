import type { IncomingMessage, ServerResponse } from 'node:http';
import { plainAddress } from '../base/address.js';
import type { Fence } from '../base/fence.js';
import type { CallsPort } from './calls-port.js';
import type { Login } from './credentials.js';
import type { ConsoleLimits } from './limits.js';
import type { LoginOutcome, LoginRefusal, Logins } from './logins.js';

/** What answers to POSTs stand on. */
export interface PostDeps {
  readonly logins: Logins;
  readonly calls: Pick<CallsPort, 'standing'>;
  readonly limits: ConsoleLimits;
  readonly cookieName: string;
  readonly isSecure: boolean;
}

/** The same for one request. */
export interface PostContext extends PostDeps {
  /** Around what is done with its body. */
  readonly fence: Fence;
  /** Who is logged in already. */
  readonly login: Login | undefined;
  /** Called with a login that has ended. */
  readonly ended: (login: Login) => void;
}

const REFUSALS: Readonly<Record<LoginRefusal, { readonly status: number; readonly message: string }>> = {
  wrong: { status: 403, message: 'the code or token is wrong, was used already, or is past its time' },
  tooOften: { status: 429, message: 'too many tries: wait a minute' },
  mayNotRead: { status: 403, message: 'the roles of this identity do not allow it to read the graph (graph.read)' },
};

/** Answers `login` (a code), `administrator` (the administrator's token) and `logout`. Anything else is not there. */
export function answerPost(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: PostContext,
): void {
  const take = (body: string | undefined) => {
    const address = plainAddress(request.socket.remoteAddress ?? '');
    if (body === undefined) answer(response, 413, { message: `${context.limits.bodyBytesMax} bytes are the limit` });
    else if (path === '/login') logIn(response, context, context.logins.byCode(body, address, context.login));
    else if (path === '/administrator') becomeAdministrator(response, context, body, address);
    else if (path === '/logout') logOut(response, context);
    else answer(response, 404, { message: 'there is no such page' });
  };
  const end = () => request.socket.destroy();
  readBody(request, context.limits.bodyBytesMax, context.fence.around('console', take, end));
}

/** Says who is logged in, and lets a login that is good last longer. */
export function roleAnswer(response: ServerResponse, deps: PostDeps, login: Login | undefined): void {
  if (login !== undefined) setCookie(response, deps, deps.logins.renew(login), deps.limits.loginMs);
  answerWhom(response, deps, login);
}

/** The value of a cookie of a request. */
export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Whoever is to act looks first: the token alone lets nobody in. */
function becomeAdministrator(response: ServerResponse, context: PostContext, token: string, address: string): void {
  const { login, logins } = context;
  if (login === undefined) answer(response, 401, { message: 'log in first: switchyard console' });
  else logIn(response, context, logins.byToken(token, login.network, address));
}

function logIn(response: ServerResponse, context: PostContext, made: LoginOutcome): void {
  if ('refusal' in made) {
    const { status, message } = REFUSALS[made.refusal];
    answer(response, status, { message });
    return;
  }
  const login = context.logins.read(made.login);
  // The browser forgets the login that this one takes the place of. The same user's goes on in it.
  if (login?.family !== context.login?.family) endLogin(context);
  setCookie(response, context, made.login, context.limits.loginMs);
  answerWhom(response, context, login);
}

function logOut(response: ServerResponse, context: PostContext): void {
  endLogin(context);
  setCookie(response, context, '', 0);
  answerWhom(response, context, undefined);
}

/** Ends the login with which a request came, and closes its pages. */
function endLogin({ login, logins, ended }: PostContext): void {
  if (login === undefined) return;
  logins.end(login);
  ended(login);
}

/** Without a Path, which is then the folder of the page: also behind a proxy that puts the console below one. */
function setCookie(response: ServerResponse, { cookieName, isSecure }: PostDeps, value: string, ms: number): void {
  const parts = [`${cookieName}=${value}`, 'HttpOnly', 'SameSite=Strict', `Max-Age=${Math.floor(ms / 1000)}`];
  if (isSecure) parts.push('Secure');
  response.setHeader('set-cookie', parts.join('; '));
}

/** Says who is logged in, for which network, and what that allows. */
function answerWhom(response: ServerResponse, { calls }: PostDeps, login: Login | undefined): void {
  const { name = '', roles = [], may = [], mode = '' } = (login && calls.standing(login)) ?? {};
  const { role = null, network = '', identity } = login ?? {};
  answer(response, 200, { role, network, uuid: identity?.uuid ?? '', name, roles, may, mode });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** Calls with the whole body, or undefined for one that is too large. */
function readBody(request: IncomingMessage, bytesMax: number, take: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
  });
  request.on('end', () => take(bytes > bytesMax ? undefined : Buffer.concat(chunks).toString('utf8').trim()));
}
