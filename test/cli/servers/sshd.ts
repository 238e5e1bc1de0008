import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { hasEnded } from '../../../harness/has-ended.js';
import { quietPort } from '../../../harness/port.js';

/** A program by its name; sbin is on few people's PATH. Undefined: it is not there. */
function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** In one line what this machine lacks for {@link Sshd}; undefined when it lacks nothing. */
export function lacksSsh(): string | undefined {
  const missing = ['sshd', 'ssh', 'ssh-keygen'].filter((name) => findProgram(name) === undefined);
  return missing.length === 0 ? undefined : `missing: ${missing.join(', ')} (Debian's openssh-server has all of them)`;
}

/** Where an {@link Sshd} runs, and how. */
export interface SshdPlace {
  /** Absent: a free one. */
  readonly port?: number;
  /** Starts it, with its standard error in a pipe: in another network namespace, say. */
  readonly start?: (argv: readonly string[]) => ChildProcess;
  /** Further lines of its configuration. */
  readonly settings?: Readonly<Record<string, string>>;
}

const startHere = ([program, ...args]: readonly string[]): ChildProcess =>
  spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** A real SSH server on a free port of the loopback, with keys of its own, that lets this user in. Owns its folder. */
export class Sshd {
  private constructor(
    readonly folder: string,
    readonly port: number,
    private readonly process: ChildProcess,
  ) {}

  static async start({ port: wanted, start = startHere, settings = {} }: SshdPlace = {}): Promise<Sshd> {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-ssh-'));
    for (const key of ['host', 'user']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
    }
    writeFileSync(join(folder, 'authorized_keys'), readFileSync(join(folder, 'user.pub')));
    const port = wanted ?? (await quietPort());
    const lines = {
      ListenAddress: `127.0.0.1:${port}`,
      HostKey: join(folder, 'host'),
      AuthorizedKeysFile: join(folder, 'authorized_keys'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PasswordAuthentication: 'no',
      PermitRootLogin: 'prohibit-password',
      ...settings,
    };
    const config = join(folder, 'sshd_config');
    writeFileSync(
      config,
      Object.entries(lines)
        .map(([name, value]) => `${name} ${value}\n`)
        .join(''),
    );
    // Where a package's service would have made it; sshd does not start as root without it.
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    // By its whole path, which sshd insists on.
    const child = start([findProgram('sshd')!, '-D', '-e', '-f', config]);
    const sshd = new Sshd(folder, port, child);
    await sshd.listening();
    return sshd;
  }

  /** The words with which ssh gets in, whatever the user's own configuration says. */
  get options(): string[] {
    const settings = {
      BatchMode: 'yes',
      IdentityFile: join(this.folder, 'user'),
      IdentitiesOnly: 'yes',
      StrictHostKeyChecking: 'accept-new',
      UserKnownHostsFile: join(this.folder, 'known_hosts'),
      LogLevel: 'ERROR',
      User: userInfo().username,
    };
    return ['-F', '/dev/null', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  }

  async stop(): Promise<void> {
    if (!hasEnded(this.process)) {
      this.process.kill();
      await once(this.process, 'exit');
    }
    rmSync(this.folder, { recursive: true });
  }

  private async listening(): Promise<void> {
    let said = '';
    this.process.stderr!.on('data', (bytes) => (said += bytes));
    // A port of another namespace cannot be tried from here.
    while (!/^Server listening on /m.test(said)) {
      if (hasEnded(this.process)) throw new Error(`sshd ended with ${this.process.exitCode}: ${said}`);
      await wait(20);
    }
  }
}
