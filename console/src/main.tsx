import { render } from 'preact';
import { logIn } from './actions.js';
import { listenToKeys } from './keys.js';
import { takeCode } from './route.js';
import { start } from './state.js';
import { App, tellLoginProblem } from './views/app.js';

// The page itself: logs in with the code that its address brought, if any, and shows everything.

const code = takeCode();
if (code !== undefined) tellLoginProblem(await logIn(code));
listenToKeys();
render(<App />, document.getElementById('app')!);
void start();
