import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** The commit that these sources are of, and whether they differ from it; says so where git does not know. */
export async function commitOfSources(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--dirty', '--abbrev=12'], {
      cwd: FOLDER,
    });
    return `commit ${stdout.trim()}`;
  } catch {
    return 'of no commit that is known';
  }
}
