import { spawnSync } from 'node:child_process';
import { namespaceName, removeLeftovers, removeNamespace, run } from './namespaces.js';

/** How a process inside knows on which wire it is. */
const VARIABLE = 'SWITCHYARD_FAULTS_WIRE';
const CLIENTS = '192.0.2.1';
const SERVER = '192.0.2.2';

/**
 * A server in one network namespace, its clients in another, and a wire between the two that can lose packets.
 *
 *     clients 192.0.2.1 ──── veth ──── 192.0.2.2 server, with nftables
 *
 * Nothing is made outside the namespaces, so nothing can collide and removing them removes everything. Their names carry
 * the number of the process that made them: the next run removes what a killed one left behind.
 */
export class Wire {
  readonly host = SERVER;

  private constructor(private readonly name: string) {}

  /** What is missing to make one, in a line; undefined when nothing is. */
  static lacks(): string | undefined {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'packet loss is made in namespaces, by root';
    for (const [tool, version] of Object.entries({ ip: '-V', nft: '-v' })) {
      if (spawnSync(tool, [version]).status !== 0) return `packet loss needs the program ${tool}`;
    }
    const probe = namespaceName('probe');
    if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'packet loss: namespaces may not be made here';
    const isCounting = spawnSync('ip', ['netns', 'exec', probe, 'nft', '-f', '-'], { input: rules(50) }).status === 0;
    spawnSync('ip', ['netns', 'delete', probe]);
    return isCounting ? undefined : 'packet loss: this kernel has no nftables with numgen';
  }

  /** Makes one. Whoever makes it removes it. */
  static make(): Wire {
    removeLeftovers();
    const wire = new Wire(String(process.pid));
    const { clients, server } = wire;
    for (const namespace of [clients, server]) {
      run(['ip', 'netns', 'add', namespace]);
      run(['ip', '-n', namespace, 'link', 'set', 'lo', 'up']);
    }
    const pair = ['name', 'wire', 'netns', clients, 'type', 'veth', 'peer', 'name', 'wire', 'netns', server];
    run(['ip', 'link', 'add', ...pair]);
    for (const [namespace, address] of [
      [clients, CLIENTS],
      [server, SERVER],
    ]) {
      run(['ip', '-n', namespace, 'address', 'add', `${address}/30`, 'dev', 'wire']);
      run(['ip', '-n', namespace, 'link', 'set', 'wire', 'up']);
    }
    return wire;
  }

  /** The wire at whose clients' end this process is; undefined when it is at none. */
  static ofThisProcess(): Wire | undefined {
    const name = process.env[VARIABLE];
    return name === undefined ? undefined : new Wire(name);
  }

  /** What stands before a command that is to run where the server is. */
  get atServer(): readonly string[] {
    return ['ip', 'netns', 'exec', this.server];
  }

  /** The same where the clients are. */
  get atClients(): readonly string[] {
    return ['ip', 'netns', 'exec', this.clients];
  }

  /** What a process has to have in its environment to be {@link ofThisProcess}. */
  get env(): Readonly<Record<string, string>> {
    return { [VARIABLE]: this.name };
  }

  /** From now on so many of a hundred packets are lost, each way. */
  lose(percent: number): void {
    run([...this.atServer, 'nft', '-f', '-'], rules(percent));
  }

  /** Ends what runs at either end, and removes it. */
  remove(): void {
    for (const namespace of [this.clients, this.server]) removeNamespace(namespace);
  }

  private get clients(): string {
    return namespaceName('clients', this.name);
  }

  private get server(): string {
    return namespaceName('server', this.name);
  }
}

function rules(percent: number): string {
  if (percent === 0) return 'flush ruleset\n';
  const which = percent < 100 ? `numgen random mod 100 < ${percent} drop` : 'drop';
  const chains = ['input', 'output'].map((hook) => `chain ${hook} { type filter hook ${hook} priority 0; ${which}; }`);
  return `flush ruleset\ntable inet loss {\n${chains.join('\n')}\n}\n`;
}
