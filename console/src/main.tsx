import { render } from 'preact';
import { logIn } from './actions.js';
import { listenToKeys } from './keys.js';
import { takeCode } from './route.js';
import { begin, link } from './state.js';
import { App, tellLoginProblem } from './views/app.js';

// The page itself: logs in with the code that its address brought, if any, which connects it, and shows everything meanwhile.

const code = takeCode();
begin();
const entering = code === undefined ? undefined : logIn(code);
if (entering === undefined) link.restart();
listenToKeys();
render(<App />, document.getElementById('app')!);
const problem = (await entering) ?? '';
tellLoginProblem(problem);
if (problem !== '') link.restart();
