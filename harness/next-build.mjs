// A later build, for upgrades between two builds: these sources with higher numbers, and with something behind each of them. Only what
// stands in this folder can make one; the program knows nothing of it.

/** The variable that makes the loader (typescript.mjs) run the later build. */
export const NEXT_BUILD = 'SWITCHYARD_NEXT_BUILD';

/** The numbers of the later build: what it reads, and by what it decides. */
export const NEXT_NUMBERS = { formatMax: 5, rulesMax: 2 };

/** By source: what stands there, and what the later build has in its place. */
const CHANGES = {
  'src/core/model/rules.ts': ['RULES_MAX: number = Rules.FIRST', 'RULES_MAX: number = 2'],
  // By the second rules a termination is ordered with another reason.
  'src/core/decide/order.ts': [
    "const { sid, reason, deadlineMs } = command;\n  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND'",
    "const { sid, deadlineMs } = command;\n  const reason = (state.rules >= 2 ? 'by the second rules: ' : '') + command.reason;\n" +
      "  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND'",
  ],
  'src/journal/format/frame.ts': ['FORMAT_VERSION = Format.EPOCHS', 'FORMAT_VERSION: number = 5'],
  // Another policy is said in the later format.
  'src/journal/format/command-format.ts': [
    'switch (command.kind) {',
    "if (command.kind === 'PutPolicy') return 5;\n  switch (command.kind) {",
  ],
};

/** What the later build has in a source. Throws where this file does not fit the sources any more. */
export function nextBuild(path, text) {
  const change = Object.entries(CHANGES).find(([source]) => path.endsWith(`/${source}`));
  if (change === undefined) return text;
  const [source, [before, after]] = change;
  if (!text.includes(before)) throw new Error(`harness/next-build.mjs: ${source} does not hold ${before}`);
  return text.replace(before, after);
}
