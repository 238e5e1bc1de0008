import { bundleProgram } from '../../harness/bundle.mjs';

/** Before the first test file: bundles the program, and tells the workers where it is (harness/program.ts). */
export default async function bundleOnce() {
  process.env.BUNDLED_PROGRAM = await bundleProgram();
}
