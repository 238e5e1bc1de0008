// What `npm test` runs: everything that must hold before a change is taken, from a bare checkout. With --all (`npm run
// test:all`) the tests try all cases of their lists, those that depend on the version of Node run once more by each that is
// supported, and the examples in all languages. The list of what is run is test/gate/steps.mjs.
//
// It needs Node and git, and fetches the rest itself where it can. Each check counts as one, each test of jest as one;
// the last line is always `N passed, N failed`, also when a check crashes, and the exit status says the same.
import { runJest } from './gate/jest.mjs';
import { findNode } from './gate/nodes.mjs';
import { CHECKS, LONG, LONG_RUN, MATRIX } from './gate/steps.mjs';

const bold = process.stdout.isTTY && !process.env.NO_COLOR ? (text) => `\x1b[1m${text}\x1b[22m` : (text) => text;
const startedAt = Date.now();
let passed = 0;
let failed = 0;

for (const check of CHECKS) {
  const outcome = await step(check.name, async () => countCheck(await check.run()));
  if (outcome.failed > 0 && check.stops) finish();
}
const isAll = process.argv.includes('--all');
const long = isAll ? LONG_RUN : {};
console.log(
  `${bold('•')} tests (jest): ${isAll ? 'all cases' : 'of long lists a few cases; npm run test:all tries all'}`,
);
await step('tests (jest)', () => runJest({ env: long }), { isAnnounced: true });
if (isAll) {
  for (const tests of LONG) await step(tests.name, () => runLong(tests));
  // The tests above were this Node's.
  const others = MATRIX.filter(({ node }) => node !== Number(process.versions.node.split('.')[0]));
  for (const { name, node, paths } of others) await step(name, () => runByNode(node, paths));
}
finish();

/** Runs one step and says in one line what came of it. What it throws is a failure like any other. */
async function step(name, run, { isAnnounced = false } = {}) {
  const from = Date.now();
  if (!isAnnounced) process.stdout.write(`${bold('•')} ${name} … `);
  const outcome = await Promise.resolve()
    .then(run)
    .catch((error) => ({ passed: 0, failed: 1, said: error.stack ?? String(error) }));
  passed += outcome.passed;
  failed += outcome.failed;
  const note = outcome.note ? `: ${outcome.note}` : '';
  const seconds = `(${((Date.now() - from) / 1000).toFixed(1)} s)`;
  // One that had nothing to look at counts neither way.
  const isNothing = outcome.passed + outcome.failed === 0;
  const said = isNothing ? 'not checked' : `${outcome.failed === 0 ? 'ok' : bold('FAILED')} ${seconds}`;
  console.log(`${isAnnounced ? `${bold('•')} ${name}: ` : ''}${said}${note}`);
  if (outcome.said) console.log(indent(outcome.said));
  return outcome;
}

/** A check counts as one, or not at all when it had nothing to look at. */
function countCheck({ ok, said, note }) {
  return { passed: ok === true ? 1 : 0, failed: ok === false ? 1 : 0, note, said: ok === false ? said : '' };
}

/** Runs tests by a version of Node, and says how many there were. */
async function runByNode(major, paths) {
  const { path: node, said } = await findNode(major);
  if (node === undefined) return { passed: 0, failed: 1, said };
  return runJest({ node, paths, env: long, isQuiet: true });
}

/** Runs tests that are left out otherwise, once what they need is there. */
async function runLong({ install, paths, env }) {
  const installed = install === undefined ? { ok: true } : await install();
  return installed.ok
    ? runJest({ paths, env: { ...long, ...env }, isQuiet: true })
    : { passed: 0, failed: 1, said: installed.said };
}

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
