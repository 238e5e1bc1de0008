import { render } from 'preact';
import { logIn } from './actions.js';
import { listenToKeys } from './keys.js';
import { BACKOFF_MS } from './net/backoff.js';
import { isForOther } from './net/code.js';
import { type LoginFacts, readLogin } from './net/link.js';
import { takeCode } from './route.js';
import { begin, link } from './state.js';
import { printable } from './text.js';
import { App, tellLoginProblem } from './views/app.js';

// The page itself: logs in with the code that its address brought, if any, which connects it, and shows everything meanwhile.

const code = takeCode();
begin();
const entering = code === undefined ? undefined : enter(code);
if (entering === undefined) link.restart();
listenToKeys();
render(<App />, document.getElementById('app')!);
const problem = (await entering) ?? '';
tellLoginProblem(problem);
if (problem !== '') link.restart();

/**
 * Logs in with the code of the address. A link of somebody else could bring the page to act in another's name unnoticed: where
 * another user is logged in, a person is asked first.
 */
async function enter(text: string): Promise<string> {
  const login = await readLoginSurely();
  if (!isForOther(text, login)) return logIn(text);
  const who = `${printable(login.name) || login.role} in the network ${login.network}`;
  if (confirm(`You are logged in as ${who}. Log out, and log in as another user by the link that you have opened?`)) {
    return logIn(text);
  }
  link.restart(login);
  return '';
}

/** Asks until the server says who is logged in: a code is not used before that is known. */
async function readLoginSurely(): Promise<LoginFacts> {
  for (let tries = 0; ; tries++) {
    const login = await readLogin();
    if (login !== undefined) return login;
    const delayMs = BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)];
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
