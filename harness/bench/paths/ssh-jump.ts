import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { Sshd } from '../../../test/cli/servers/sshd.js';
import type { NatNetwork, Place } from '../../nat/network.js';

/** Where both daemons listen, each in a place of its own. */
const PORT = 2222;
const CHUNK = Buffer.alloc(65_536, 7);

function* chunksOf(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
}

/** OpenSSH from one site to another over a daemon at the server's place: what one takes who has no Switchyard. */
export class SshJump {
  private constructor(
    private readonly network: NatNetwork,
    private readonly config: string,
    private readonly daemons: readonly Sshd[],
  ) {}

  /** `to` must let strangers in. */
  static async start(network: NatNetwork, to: Place): Promise<SshJump> {
    const daemons: Sshd[] = [];
    const places = { jump: 'server', device: to };
    const blocks: string[] = [];
    for (const [name, place] of Object.entries(places)) {
      const host = network.outside(place);
      const start = (argv: readonly string[]) => network.spawn(place, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      const sshd = await Sshd.start({ port: PORT, start, settings: { ListenAddress: `${host}:${PORT}` } });
      daemons.push(sshd);
      const settings = sshd.options.filter((word) => word.includes('=')).map((word) => word.replace('=', ' '));
      blocks.push([`Host ${name}`, `HostName ${host}`, `Port ${PORT}`, ...settings].join('\n  '));
    }
    // In a file: ssh takes no option of its command line for the host that it jumps over.
    const config = join(daemons[0]!.folder, 'ssh_config');
    writeFileSync(config, `${blocks.join('\n')}\n`);
    return new SshJump(network, config, daemons);
  }

  /** Milliseconds from the first byte, over a connection that stands, until the other end has said that all have come. */
  async copy(from: Place, bytes: number): Promise<number> {
    const argv = ['ssh', '-F', this.config, '-J', 'jump', 'device', 'echo ready; wc -c'];
    const ssh = this.network.spawn(from, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: ssh.stdout! })[Symbol.asyncIterator]();
    if ((await lines.next()).value !== 'ready') throw new Error('ssh -J has not reached the other end');
    const before = performance.now();
    await pipeline(chunksOf(bytes), ssh.stdin!);
    const { value: counted } = await lines.next();
    if (Number(counted) !== bytes) throw new Error(`${counted} bytes of ${bytes} came through ssh -J`);
    return performance.now() - before;
  }

  async stop(): Promise<void> {
    for (const sshd of this.daemons) await sshd.stop();
  }
}
