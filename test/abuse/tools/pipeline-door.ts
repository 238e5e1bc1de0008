import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { ServerServiceService as Server } from '../../../gen/switchyard/v1/server.js';
import type { SeededRandom } from '../../../harness/simulation/machine/random.js';
import { systemClock } from '../../../src/client/system.js';
import type { WebCallsPort, WebReceiver } from '../../../src/web/calls-port.js';
import { WebDoor } from '../../../src/web/door.js';
import { WEB_LIMITS } from '../../../src/web/limits.js';
import { openAdmission } from '../../admission/open.js';
import { dial, secured } from './clients-from.js';
import type { Pipeline } from './pipelines.js';

const CLIENT = { address: '127.0.0.2' };
/** How long a connection may take to its end, on a machine that is busy. */
const PATIENCE_MS = 20_000;
const SUCCESS = { code: 0, message: '', details: new Uint8Array() };

/**
 * Time that ends nothing: a bound in time depends on how busy the machine is. Each has a test of its own. No test here waits for
 * one, so a connection that only a bound would close is still open at the end of the patience.
 */
const UNBOUNDED = { ...systemClock, after: () => ({ cancel: () => {} }) };
/** The same of Node's own timer of silent connections. */
const IDLE_MS = 3_600_000;

/** What a client heard to the end of its connection, and whether that may have come before all answers. */
export interface Heard {
  readonly text: string;
  readonly isBroken: boolean;
}

/** A web door with services of the test's own, whose answers have the number of their request. */
export class PipelineDoor {
  readonly #door: WebDoor;
  readonly #isSecure: boolean;
  readonly #random: SeededRandom;
  #address = '';
  #pipeline: Pipeline | undefined;
  #watches: WebReceiver[] = [];
  #isWatched = true;

  /** `sliceBytes` is what it parses at once, and is put off now and then where turns are drawn from `random`. */
  constructor(sliceBytes: number, random: SeededRandom, tls?: { readonly cert: Buffer; readonly key: Buffer }) {
    this.#random = random;
    this.#isSecure = tls !== undefined;
    const [calls, clock] = [this.#port(sliceBytes < WEB_LIMITS.requestBytesMax), UNBOUNDED];
    const limits = { ...WEB_LIMITS, sliceBytes, idleMs: IDLE_MS };
    const admission = openAdmission(clock);
    this.#door = new WebDoor({
      calls,
      clock,
      admission,
      limits,
      origins: [],
      metadataNames: ['x-number'],
      ...(tls && { tls }),
    });
  }

  async listen(): Promise<void> {
    const { host, port } = await this.#door.listen({ host: '127.0.0.1', port: 0 });
    this.#address = `${host}:${port}`;
  }

  async close(): Promise<void> {
    this.#door.drain();
    await this.#door.close(0);
  }

  /** Sends a pipeline, and resolves when its connection is closed. */
  async hear(pipeline: Pipeline): Promise<Heard> {
    this.#pipeline = pipeline;
    this.#watches = [];
    this.#isWatched = true;
    const plain = await dial(CLIENT, this.#address);
    const socket = this.#isSecure ? await secured(plain) : plain;
    return sendPipeline(socket, pipeline, () => this.#endWatches());
  }

  #endWatches(): void {
    this.#isWatched = false;
    for (const watch of this.#watches) watch.end(SUCCESS);
  }

  #port(hasTurns: boolean): WebCallsPort {
    return {
      open: ({ path, metadata }, receiver) => {
        if (path.endsWith('/GetServer')) this.#answer(receiver, metadata['x-number']);
        else if (!this.#isWatched) receiver.end(SUCCESS);
        else this.#watches.push(receiver);
        return () => {};
      },
      left: () => {},
      enter: (_peer, begin) => {
        // node:http drops what is not answered when the client closes its half.
        if (this.#pipeline?.ending === 'half-close' || this.#random.chance(0.5)) begin();
        else setImmediate(begin);
        return true;
      },
      mayGoOn: (_peer, wake) => {
        if (!hasTurns || this.#random.chance(0.5)) return true;
        setImmediate(wake);
        return false;
      },
      forget: () => {},
      spent: () => {},
    };
  }

  #answer(receiver: WebReceiver, number = ''): void {
    const version = `${number}-${'v'.repeat(this.#pipeline?.answerBytes ?? 0)}`;
    receiver.message(
      Server.getServer.responseSerialize({ ...Server.getServer.responseDeserialize(Buffer.alloc(0)), version }),
      () => {},
    );
    receiver.end(SUCCESS);
  }
}

/** Sends a pipeline over a connection, and resolves when that is closed. */
export async function sendPipeline(
  socket: Socket,
  { bytes, cuts, gapMs, isUnread, ending }: Pipeline,
  written: () => void,
): Promise<Heard> {
  const heard: Buffer[] = [];
  let isBroken = false;
  socket.on('data', (chunk: Buffer) => void heard.push(chunk));
  socket.on('error', () => (isBroken = true));
  if (isUnread) socket.pause();
  const closed = new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
  for (const [at, cut] of [...cuts, bytes.length].entries()) {
    // It has heard the end already if it is not.
    if (socket.writable) socket.write(bytes.subarray(cuts[at - 1] ?? 0, cut));
    await wait(gapMs);
  }
  if (ending === 'half-close') socket.end();
  written();
  if (ending === 'reset') {
    await wait(gapMs);
    socket.destroy();
  }
  socket.resume();
  const late = new AbortController();
  await Promise.race([closed, wait(PATIENCE_MS, undefined, { signal: late.signal }).catch(() => {})]);
  late.abort();
  if (!socket.closed) throw new Error(`the connection is still open: ${text(heard).slice(-1_000)}`);
  return { text: text(heard), isBroken: isBroken || ending === 'half-close' };
}

/** What was heard, without what depends on the time. */
function text(heard: readonly Buffer[]): string {
  return Buffer.concat(heard)
    .toString('latin1')
    .replace(/^Date: .*\r\n/gm, '');
}
