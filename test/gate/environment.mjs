import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { TestEnvironment } from 'jest-environment-node';
import { GarbageWatch, MEMORY_FOLDER, peakBytes } from './memory.mjs';

/** The highest of this process so far, over all test files that it has run. */
let highest = { bytes: 0, file: '' };
const garbage = new GarbageWatch();

/** jest's environment for Node, which tells the gate what memory its process took. Without the gate it is jest's own. */
export default class MeasuredEnvironment extends TestEnvironment {
  #file;
  #stop = () => {};

  constructor(config, context) {
    super(config, context);
    this.#file = relative(config.globalConfig.rootDir, context.testPath);
  }

  async setup() {
    await super.setup();
    if (process.env[MEMORY_FOLDER] !== undefined) this.#stop = garbage.start();
  }

  async teardown() {
    this.#stop();
    await super.teardown();
    const folder = process.env[MEMORY_FOLDER];
    const bytes = peakBytes();
    if (folder === undefined) return;
    if (bytes > highest.bytes) {
      highest = { bytes, file: this.#file };
      writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(highest));
    }
    garbage.look();
  }
}
