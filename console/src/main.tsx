import { render } from 'preact';
import { logIn } from './actions.js';
import { listenToKeys } from './keys.js';
import { takeCode } from './route.js';
import { begin, link } from './state.js';
import { App, tellLoginProblem } from './views/app.js';

// The page itself: shows everything, and logs in with the code that its address brought, if any, which connects it.

const code = takeCode();
listenToKeys();
begin();
render(<App />, document.getElementById('app')!);
const problem = code === undefined ? '' : await logIn(code);
tellLoginProblem(problem);
if (code === undefined || problem !== '') link.restart();
