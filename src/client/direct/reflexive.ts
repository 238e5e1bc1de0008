import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { asError, codeOf } from '../../base/errors.js';
import { every, within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { Endpoint } from '../../stun/address.js';
import {
  bindingRequest,
  decodeStun,
  mappedAddress,
  StunError,
  type StunMessage,
  stunLength,
} from '../../stun/binding.js';

/** What the rendezvous said. */
export interface Observation {
  /** The address that it saw. */
  readonly seen: Endpoint;
  /** How long its answer took. */
  readonly roundTripMs: number;
}

/** Asks the rendezvous at the other end of a connection. Undefined when it says nothing useful in time, or before `signal` fires. */
export async function observeTcp(socket: Socket, clock: Clock, signal?: AbortSignal): Promise<Observation | undefined> {
  const transactionId = randomBytes(12);
  const beforeMs = clock.nowMs();
  try {
    const asking = (inTime: AbortSignal) => {
      socket.write(bindingRequest(transactionId));
      return nextMessage(socket, inTime);
    };
    const answer = await within(clock, CONNECTION_TIMES.gatherMs, asking, signal);
    return observed(answer, transactionId, clock.nowMs() - beforeMs);
  } catch (error) {
    if (expected(error)) return undefined;
    throw error;
  }
}

async function nextMessage(socket: Socket, signal: AbortSignal): Promise<StunMessage> {
  let held = Buffer.alloc(0);
  for (;;) {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
    held = Buffer.concat([held, chunk]);
    const length = stunLength(held);
    if (length !== undefined && length <= held.length) return decodeStun(held);
  }
}

/** How datagrams leave, and how they come. */
export interface Datagrams {
  send(bytes: Uint8Array, to: Endpoint): void;
  /** Calls for every datagram until the returned function is called. */
  listen(heard: (bytes: Buffer, from: Endpoint) => void): () => void;
}

/** Asks the rendezvous by datagrams, again and again until it answers. Undefined when it does not in time, or before `signal` fires. */
export async function observeUdp(
  datagrams: Datagrams,
  rendezvous: Endpoint,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Observation | undefined> {
  const transactionId = randomBytes(12);
  const request = bindingRequest(transactionId);
  let sentAtMs = clock.nowMs();
  const ask = () => {
    sentAtMs = clock.nowMs();
    datagrams.send(request, rendezvous);
  };
  return new Promise((resolve) => {
    const again = every(clock, CONNECTION_TIMES.stunRetryMs, ask);
    const giveUp = clock.after(CONNECTION_TIMES.gatherMs, () => finish(undefined));
    const unlisten = datagrams.listen((bytes) => {
      try {
        const answer = observed(decodeStun(bytes), transactionId, clock.nowMs() - sentAtMs);
        if (answer) finish(answer);
      } catch (error) {
        if (!(error instanceof StunError)) throw error; // something else on this socket: not for us
      }
    });
    const stop = () => finish(undefined);
    const finish = (answer: Observation | undefined) => {
      signal?.removeEventListener('abort', stop);
      again.cancel();
      giveUp.cancel();
      unlisten();
      resolve(answer);
    };
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    else ask();
  });
}

function observed(answer: StunMessage, transactionId: Buffer, roundTripMs: number): Observation | undefined {
  const seen = mappedAddress(answer, transactionId);
  return seen && { seen, roundTripMs };
}

/** What a rendezvous that is away, slow or broken causes; anything else is our own mistake. */
function expected(error: unknown): boolean {
  if (error instanceof StunError) return true;
  const { name } = asError(error);
  return name === 'AbortError' || name === 'TimeoutError' || (codeOf(error) ?? '').startsWith('E');
}
