import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What drives the servers and what they are compared with, by the Debian package that brings it. */
const PROGRAMS = { 'nghttp2-client': 'h2load', 'etcd-server': 'etcd', 'nats-server': 'nats-server' } as const;

async function isThere(program: string): Promise<boolean> {
  return execute('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  );
}

/** Installs what is missing where that can be done without asking, and says what is missing still. */
export async function installRivals(progress: (line: string) => void): Promise<void> {
  const missing = async (): Promise<string[]> => {
    const found = await Promise.all(
      Object.entries(PROGRAMS).map(async ([deb, program]) => ({ deb, there: await isThere(program) })),
    );
    return found.flatMap(({ deb, there }) => (there ? [] : [deb]));
  };
  const debs = await missing();
  if (debs.length > 0 && process.getuid?.() === 0 && (await isThere('apt-get'))) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    try {
      await execute('apt-get', ['-qq', 'update'], { env });
      await execute('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...debs], { env });
    } catch (error) {
      progress(`apt-get: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const still = await missing();
  if (still.length > 0) progress(`missing, and left out: ${still.join(' ')} (packages of Debian)`);
}
