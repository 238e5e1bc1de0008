import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { TestEnvironment } from 'jest-environment-node';
import { collectGarbage, MEMORY_FOLDER, peakBytes } from './memory.mjs';

/** The highest of this process so far, over all test files that it has run. */
let highest = { bytes: 0, file: '' };

/** jest's environment for Node, which tells the gate what memory its process took. Without the gate it is jest's own. */
export default class MeasuredEnvironment extends TestEnvironment {
  #file;

  constructor(config, context) {
    super(config, context);
    this.#file = relative(config.globalConfig.rootDir, context.testPath);
  }

  async teardown() {
    await super.teardown();
    const folder = process.env[MEMORY_FOLDER];
    const bytes = peakBytes();
    if (folder === undefined) return;
    if (bytes > highest.bytes) {
      highest = { bytes, file: this.#file };
      writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(highest));
    }
    collectGarbage();
  }
}
