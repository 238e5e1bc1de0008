import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from '../../harness/faults/server.js';
import type { Case, PathStep, ServerStep } from './case.js';
import { ServerPath } from './path.js';
import { Visitor } from './visitor.js';

const ADMIN_TOKEN = 'an-administrator-of-conformance';

/** What a case is played on: a real server process, the testee's path to it, and a visitor. */
export class Stage {
  readonly path = new ServerPath(() => this.#server.address);
  readonly #folders: string[];
  #server: ServerProcess;
  #visitor: Visitor;

  private constructor(
    private readonly flags: readonly string[],
    private readonly network: string | undefined,
    server: ServerProcess,
    folder: string,
    private readonly elsewhere: ServerPath,
  ) {
    this.#server = server;
    this.#folders = [folder];
    this.#visitor = new Visitor(server.address, ADMIN_TOKEN, network);
  }

  get visitor(): Visitor {
    return this.#visitor;
  }

  /** Where a testee is told to find the server; several addresses with a comma between. */
  addresses({ elsewhere }: Case): string {
    return [this.path, ...(elsewhere === 'given' ? [this.elsewhere] : [])].map(({ address }) => address).join();
  }

  /** Starts a server with the options of a case, and creates the network that the case is in. */
  static async open({ server: options, network, elsewhere: kind }: Case): Promise<Stage> {
    let target = () => '';
    const elsewhere = new ServerPath(() => target());
    if (kind !== undefined) await elsewhere.open();
    const told = kind === 'told' ? { advertise: elsewhere.address } : {};
    // A busy machine takes its time between two calls, so leases are long unless a case is about them.
    const all = { 'session-ttl': '10m', ...told, ...options };
    const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    const folder = await makeFolder();
    const server = await ServerProcess.begin(serverOptions(folder, flags));
    const stage = new Stage(flags, network, server, folder, elsewhere);
    target = () => stage.#server.address;
    await stage.#visitor.begin();
    await stage.path.open();
    return stage;
  }

  async server({ server }: ServerStep): Promise<void> {
    if (server === 'start') return this.#server.start();
    if (server === 'kill') return this.#server.kill();
    if (server === 'drain') {
      const status = await this.#server.drain();
      if (status !== 0) throw new Error(`the server went down with status ${status}`);
      return;
    }
    await this.#server.kill();
    const folder = await makeFolder();
    this.#folders.push(folder);
    this.#server = await ServerProcess.begin(serverOptions(folder, this.flags));
    await this.#visitor.close();
    this.#visitor = new Visitor(this.#server.address, ADMIN_TOKEN, this.network);
    await this.#visitor.begin();
  }

  async move({ path }: PathStep): Promise<void> {
    await this.path[path]();
  }

  /** Ends everything. Resolves with what the server logged as its own fault. */
  async close(): Promise<readonly string[]> {
    this.path.close();
    this.elsewhere.close();
    await this.#visitor.close();
    await this.#server.kill();
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
    return this.#server.problems;
  }
}

function serverOptions(data: string, flags: readonly string[]) {
  return { data, flags, built: false, env: { SWITCHYARD_ADMIN_TOKEN: ADMIN_TOKEN } };
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-conformance-'));
  await chmod(folder, 0o700);
  return folder;
}
