// What `npm test` runs: everything that must hold before a change is taken, from a bare checkout.
//
// It needs Node and git, and fetches the rest itself where it can. Each check counts as one, each test of jest as one;
// the last line is always `N passed, N failed`, also when a check crashes, and the exit status says the same.
import { breaking, buf, bufFormat, formatAndLint, freshStubs, types } from './gate/checks.mjs';
import { runJest } from './gate/jest.mjs';
import { installModules, installSystemPackages } from './gate/requirements.mjs';

/** Runs from the first to the last; a check that `stops` makes those after it pointless when it fails. */
const CHECKS = [
  { name: 'node modules are those of package-lock.json', run: installModules, stops: true },
  { name: 'programs that the tests run', run: installSystemPackages },
  { name: 'format and lint (biome)', run: formatAndLint },
  { name: 'types (tsc)', run: types },
  { name: 'protos: lint (buf)', run: () => buf(['lint']) },
  { name: 'protos: format (buf)', run: bufFormat },
  { name: 'protos: nothing breaks (buf)', run: breaking },
  { name: 'stubs: gen/ regenerates to the same bytes', run: freshStubs },
];

const bold = process.stdout.isTTY && !process.env.NO_COLOR ? (text) => `\x1b[1m${text}\x1b[22m` : (text) => text;
const startedAt = Date.now();
let passed = 0;
let failed = 0;

for (const check of CHECKS) {
  const from = Date.now();
  process.stdout.write(`${bold('•')} ${check.name} … `);
  // What a check throws is a failure like any other, so that the last line always comes. One that had nothing to look
  // at answers undefined, and counts neither way.
  const outcome = await Promise.resolve()
    .then(check.run)
    .catch((error) => ({ ok: false, said: error.stack ?? String(error) }));
  const seconds = ((Date.now() - from) / 1000).toFixed(1);
  const note = outcome.note ? `: ${outcome.note}` : '';
  if (outcome.ok === undefined) {
    console.log(`not checked${note}`);
    continue;
  }
  console.log(`${outcome.ok ? 'ok' : bold('FAILED')} (${seconds} s)${note}`);
  if (outcome.ok) {
    passed += 1;
    continue;
  }
  failed += 1;
  console.log(indent(outcome.said));
  if (check.stops) finish();
}

console.log(`${bold('•')} tests (jest)`);
const tests = await runJest().catch((error) => ({ passed: 0, failed: 1, said: error.stack ?? String(error) }));
passed += tests.passed;
failed += tests.failed;
if (tests.said) console.log(indent(tests.said));
finish();

/** The last line, and the exit status that goes with it. */
function finish() {
  console.log(`\n${Math.round((Date.now() - startedAt) / 1000)} s in all`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

/** Sets what a check said apart from the gate's own lines. */
function indent(text) {
  return (text ?? '').trimEnd().replace(/^/gm, '    ');
}
