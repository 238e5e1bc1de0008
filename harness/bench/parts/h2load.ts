import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bound } from './children.js';

const folder = mkdtempSync(join(tmpdir(), 'switchyard-bench-'));
let files = 0;

/** What h2load is asked to do. */
export interface Load {
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The one message that every call sends. */
  readonly message: Uint8Array;
  readonly calls: number;
  readonly connections: number;
  /** Calls under way on each connection. */
  readonly atOnce: number;
  /** So many connections are opened every tenth of a second; absent: all in one moment. */
  readonly connectionsPer100Ms?: number;
}

/** What h2load saw. */
export interface Loaded {
  readonly callsPerSecond: number;
  readonly succeeded: number;
  /** Bytes of gRPC messages received, with their heads. */
  readonly dataBytes: number;
}

/** Starts h2load (Debian's nghttp2-client): the same driver for every server, and cheaper than any of them. */
export function startLoad(wanted: Load): ChildProcess {
  const { port, path, message, calls, connections, atOnce, connectionsPer100Ms } = wanted;
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  const file = join(folder, `${files++}.bin`);
  writeFileSync(file, frame);
  const args = ['-n', calls, '-c', connections, '-m', atOnce, '-w', 24, '-W', 28, '-d', file];
  if (connectionsPer100Ms !== undefined) args.push('-r', connectionsPer100Ms, '--rate-period=100ms');
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers'];
  const url = `http://127.0.0.1:${port}${path}`;
  return bound(spawn('h2load', [...args.map(String), ...headers, url], { stdio: ['ignore', 'pipe', 'inherit'] }));
}

/** Waits for h2load to end, and reads what it says. */
export async function loaded(child: ChildProcess): Promise<Loaded> {
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  const finished = /finished in [\d.]+\w+, ([\d.]+) req\/s/.exec(text);
  const counts = /(\d+) succeeded/.exec(text);
  const traffic = /\((\d+)\) data/.exec(text);
  if (finished === null || counts === null || traffic === null) throw new Error(`h2load said:\n${text}`);
  return { callsPerSecond: Number(finished[1]), succeeded: Number(counts[1]), dataBytes: Number(traffic[1]) };
}

/** Runs a load of unary calls to its end; throws when one of them got no answer. */
export async function load(wanted: Load): Promise<Loaded> {
  const result = await loaded(startLoad(wanted));
  if (result.succeeded !== wanted.calls)
    throw new Error(`${wanted.calls - result.succeeded} calls of ${wanted.path} failed`);
  return result;
}
