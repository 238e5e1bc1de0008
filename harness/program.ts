import { fileURLToPath } from 'node:url';

const LOADER = fileURLToPath(new URL('./typescript.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/**
 * What to give to node, before the command and its options, so that it runs the program of these sources from any folder. Jest has
 * bundled it (test/gate/program.mjs); elsewhere the loader runs the sources, which takes longer to start.
 */
export function programArguments(): readonly string[] {
  const bundled = process.env.BUNDLED_PROGRAM;
  return bundled === undefined ? ['--no-warnings', '--import', LOADER, MAIN] : ['--no-warnings', bundled];
}

/** The same for the later build that next-build.mjs makes, which needs the variable that stands there in its environment. */
export function nextBuildArguments(): readonly string[] {
  return ['--no-warnings', '--import', LOADER, MAIN];
}
