import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetNodeRequest } from '../../../gen/switchyard/v1/network_service.js';
import { SessionRequest, SessionResponse } from '../../../gen/switchyard/v1/session_service.js';
import { message } from '../../../test/abuse/tools/raw.js';

const SESSION = '/switchyard.v1.SessionService/Session';
const GET_NODE = '/switchyard.v1.NetworkService/GetNode';
const UUID = '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13';
/** A call is begun every so many ms, whatever has become of those before: who waits does not make fewer calls. */
const EVERY_MS = 5;
const MESSAGE_HEAD_BYTES = 5;
const sessionRequest = SessionRequest.encode(
  SessionRequest.create({ instanceUuid: UUID, instanceType: 2, name: 'bench' }),
).finish();
/** What has no answer after so long, or fails, counts as so long. */
const PATIENCE_MS = 20_000;

/** How long calls took, in ms. */
export interface Seen {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How long each call of both kinds took, in ms. */
export interface Taken {
  readonly session: readonly number[];
  readonly getNode: readonly number[];
}

/** How long both kinds of calls took in some slices of time. */
export interface Phase {
  readonly session: Seen;
  readonly getNode: Seen;
}

/** An ordinary client on one connection from an address of its own: it opens sessions, and reads their nodes. */
export class Observer {
  private readonly session: ClientHttp2Session;
  /** The session that it opened last. */
  private sid = 0;

  private constructor(port: number, localAddress: string) {
    const createConnection = () => connectSocket({ port, host: '127.0.0.1', localAddress, noDelay: true });
    this.session = connect(`http://127.0.0.1:${port}`, { createConnection });
  }

  static async connect(port: number, localAddress: string): Promise<Observer> {
    const observer = new Observer(port, localAddress);
    await once(observer.session, 'connect');
    // Calls that it makes on a connection that has been lost fail, and say so.
    observer.session.on('error', () => {});
    await observer.openSession();
    return observer;
  }

  /** Makes calls for so long, and answers when all have come back. */
  async observe(forMs: number): Promise<Taken> {
    const taken = { session: [] as Promise<number>[], getNode: [] as Promise<number>[] };
    const endMs = performance.now() + forMs;
    for (let nextMs = performance.now(); nextMs < endMs; nextMs += EVERY_MS) {
      await sleep(Math.max(0, nextMs - performance.now()));
      if (taken.session.length > taken.getNode.length) taken.getNode.push(timed(this.readNode()));
      else taken.session.push(timed(this.openSession()));
    }
    return { session: await Promise.all(taken.session), getNode: await Promise.all(taken.getNode) };
  }

  private async openSession(): Promise<void> {
    this.sid = SessionResponse.decode(await this.call(SESSION, sessionRequest)).instanceSid;
  }

  private async readNode(): Promise<void> {
    await this.call(GET_NODE, GetNodeRequest.encode({ cvid: this.sid }).finish());
  }

  private async call(path: string, request: Uint8Array): Promise<Buffer> {
    const headers = { 'content-type': 'application/grpc', te: 'trailers', ':method': 'POST', ':path': path };
    const stream = this.session.request(headers);
    stream.end(message(request));
    const chunks: Buffer[] = [];
    let status: unknown;
    stream.on('response', (head) => {
      status = head['grpc-status'];
    });
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'close');
    // The node of a session that was superseded meanwhile is not found, which took as long as if it had been.
    if (status !== '0' && status !== '5') throw new Error(`${path} ended with status ${String(status)}`);
    return Buffer.concat(chunks).subarray(MESSAGE_HEAD_BYTES);
  }

  close(): void {
    this.session.destroy();
  }
}

async function timed(call: Promise<void>): Promise<number> {
  const startMs = performance.now();
  const isAnswered = call.then(
    () => true,
    () => false,
  );
  const answered = await Promise.race([isAnswered, sleep(PATIENCE_MS, false, { ref: false })]);
  return answered ? performance.now() - startMs : PATIENCE_MS;
}

/** What was seen in all slices together. */
export function phaseOf(slices: readonly Taken[]): Phase {
  return {
    session: seenOf(slices.flatMap(({ session }) => session)),
    getNode: seenOf(slices.flatMap(({ getNode }) => getNode)),
  };
}

function seenOf(taken: readonly number[]): Seen {
  const sorted = [...taken].sort((x, y) => x - y);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
