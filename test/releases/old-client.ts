import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/**
 * A program that uses the package by its own name, and prints what happens, one JSON value a line. It joins, watches until
 * somebody else comes, sends it a stream, reads a stream from it, stops that one, is told that its own has stopped, and
 * leaves.
 */
const PROGRAM = `
import { InstanceType, StopReason, StopResult, Switchyard } from 'switchyard/client';
const say = (what) => console.log(JSON.stringify(what));
const yard = new Switchyard({ server: process.argv[2] });
const me = yard.join({ uuid: '00000000-0000-4000-8000-000000000001', type: InstanceType.AGENT, name: 'an old client' });
let branch;
const stopped = new Promise((resolve) => me.on('streamStopped', (one) => one.id !== branch && resolve(one)));
const { cvid: sid } = await me.attached();

let isComplete = false;
let newcomer;
for await (const { kind, deltas } of yard.watchNetworkDelta()) {
  if (!isComplete && kind === 2) {
    isComplete = true;
    say({ sid });
  }
  newcomer = deltas.flatMap(({ nodeAdded }) => nodeAdded).find(({ name }) => isComplete && name !== '');
  if (newcomer !== undefined) break;
}
say({ added: newcomer.cvid, name: newcomer.name });

const { stream } = await me.createStream([newcomer.cvid], { name: 'from the old', deliveryConfirmation: true });
say({ stream: stream.id, branch: stream.sinks[0].id });
const source = await me.openSource(stream.id);
for (const block of ['one', 'two', 'three']) await source.write(Buffer.from(block));
await source.finish();
say({ confirmed: source.confirmedBlocks });

for await (const { changes } of me.watchStreams()) {
  const puts = changes.filter(({ kind }) => kind?.$case === 'put').map(({ kind }) => kind.value);
  branch = puts.find(({ params }) => params?.name === 'to the old')?.sinks[0].id;
  if (branch !== undefined) break;
}
const received = [];
for await (const block of await me.openSink(branch)) received.push(Buffer.from(block).toString());
say({ received });
const { result } = await me.stopStream(branch);
say({ stop: StopResult[result] });

const { id, reason } = await stopped;
say({ stopped: id, reason: StopReason[reason] });
await me.leave();
await yard.close();
`;

/**
 * Another one: it says back what a peer sends, a second after it has come, connects to the peer that it is told of, and prints what that says back. Over
 * the loopback every path is direct, but not between clients of which one cannot say where data ends.
 */
const ECHO = `
import { text } from 'node:stream/consumers';
import { InstanceType, Switchyard } from 'switchyard/client';
const say = (what) => console.log(JSON.stringify(what));
const yard = new Switchyard({ server: process.argv[2] });
const handlers = { accept: () => true, accepted: (stream) => setTimeout(() => stream.pipe(stream), 1000) };
const me = yard.join({ uuid: '00000000-0000-4000-8000-000000000001', type: InstanceType.AGENT, handlers });
say({ sid: (await me.attached()).cvid });
const stream = await me.connect(Number(process.argv[3]));
stream.end('from the old '.repeat(20000));
say({ path: stream.path, heard: (await text(stream)).length });
`;

/** The program of {@link OldClient}, on the network. */
export interface JoinedClient {
  readonly sid: number;
  /** The next value that it prints; null when it prints no more. */
  next(): Promise<unknown>;
  /** The exit status, or the signal that ended it. */
  readonly ended: Promise<string | number>;
  /** Ends it, if it still runs. */
  kill(): void;
}

/** The client of a release, unpacked from its package, with the node modules of this checkout. */
export class OldClient {
  readonly #program: string;

  private constructor(program: string) {
    this.#program = program;
  }

  /** Unpacks a package into an empty folder. Nothing is fetched: what it depends on is taken from `root`. */
  static async unpack(tarball: string, folder: string, root: string, isEcho = false): Promise<OldClient> {
    await promisify(execFile)('tar', ['-xzf', tarball, '-C', folder]);
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    // Inside the package, so that its own name leads to itself.
    const program = join(folder, 'package', 'join.mjs');
    await writeFile(program, isEcho ? ECHO : PROGRAM);
    return new OldClient(program);
  }

  /** Starts the program; resolves when it has joined. `next` reads what it prints from then on. */
  async join(server: string, ...args: readonly string[]): Promise<JoinedClient> {
    const child = spawn(process.execPath, [this.#program, server, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code) as string | number);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`the old client ended with ${await ended} before it had joined`);
    const { sid } = JSON.parse(value) as { sid: number };
    return {
      sid,
      next: async () => JSON.parse((await lines.next()).value ?? 'null'),
      ended,
      kill: () => void child.kill(),
    };
  }
}
