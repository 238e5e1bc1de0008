import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { Place } from '../admission/place.js';
import { plainAddress } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import type { Fence } from '../base/fence.js';
import type { Endpoint } from '../stun/address.js';
import { bindingAnswer, decodeStun, StunError, stunLength } from '../stun/binding.js';
import { RENDEZVOUS_LIMITS, type RendezvousLimits } from './limits.js';
import { AddressRate } from './rate.js';

/** What the rendezvous has done with what came. */
export interface RendezvousCounts {
  /** Requests that got an answer. */
  answered: number;
  /** Messages that were not STUN, or asked for nothing. */
  ignored: number;
  /** Requests above a rate. */
  limited: number;
}

/** What the rendezvous stands on. */
export interface RendezvousDeps {
  readonly clock: Clock;
  /** Around what is done with what comes. */
  readonly fence: Fence;
  readonly limits?: RendezvousLimits;
  /** Told of every address that has completed a TCP connection, and so is really somebody's. */
  readonly saw?: (host: string) => void;
}

/**
 * Tells everybody their own address as it is seen from here: STUN Binding over UDP and TCP (RFC 8489).
 *
 * It needs no session and keeps nothing about anybody but how often they ask. What is malformed gets silence on UDP
 * and a closed connection on TCP, never an error: an answer to nonsense is a weapon.
 *
 * The sockets belong to the composition root, which binds them and closes the UDP ones; `close` closes the rest.
 */
export class Rendezvous {
  readonly counts: RendezvousCounts = { answered: 0, ignored: 0, limited: 0 };
  readonly #clock: Clock;
  readonly #limits: RendezvousLimits;
  readonly #rate: AddressRate;
  readonly #fence: Fence;
  readonly #saw: (host: string) => void;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();

  constructor({ clock, fence, limits = RENDEZVOUS_LIMITS, saw = () => {} }: RendezvousDeps) {
    this.#clock = clock;
    this.#fence = fence;
    this.#limits = limits;
    this.#saw = saw;
    this.#rate = new AddressRate(limits, clock.nowMs());
  }

  /** Answers on a bound UDP socket. */
  serveUdp(socket: UdpSocket): void {
    const answer = (bytes: Buffer, { address, port }: RemoteInfo) => {
      // No socket has this port, and Node refuses to send to it, by throwing.
      if (port === 0) {
        this.counts.ignored += 1;
        return;
      }
      const said = this.#answerDatagram(bytes, { host: plainAddress(address), port });
      // An answer that cannot be sent is lost like any datagram; whoever asked will ask again.
      if (said) socket.send(said, port, address, (error) => error && (this.counts.ignored += 1));
    };
    socket.on(
      'message',
      this.#fence.around('rendezvous', answer, () => {
        this.counts.ignored += 1;
      }),
    );
  }

  /** Answers on a TCP server. How many may connect to it is decided by the gate in front of it. */
  serveTcp(server: Server): void {
    this.#servers.push(server);
    const end = (socket: Socket) => socket.destroy();
    server.on(
      'connection',
      this.#fence.around('rendezvous', (socket: Socket) => this.#accept(socket), end),
    );
  }

  /** Takes no more connections and ends those that are open. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #answerDatagram(bytes: Buffer, from: Endpoint): Buffer | undefined {
    if (bytes.length > this.#limits.messageBytesMax) {
      this.counts.ignored += 1;
      return undefined;
    }
    try {
      return this.#answer(bytes, from);
    } catch (error) {
      if (!(error instanceof StunError)) throw error;
      this.counts.ignored += 1;
      return undefined;
    }
  }

  /** The answer to one whole message; throws {@link StunError} when it is none. */
  #answer(bytes: Buffer, from: Endpoint): Buffer | undefined {
    // The rate comes first: what is above it must cost as little as possible.
    if (!this.#rate.take(from.host, this.#clock.nowMs())) {
      this.counts.limited += 1;
      return undefined;
    }
    const answer = bindingAnswer(decodeStun(bytes), from);
    this.counts[answer ? 'answered' : 'ignored'] += 1;
    return answer;
  }

  #accept(socket: Socket): void {
    const from = { host: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
    if (from.port === 0) {
      this.counts.ignored += 1;
      socket.destroy();
      return;
    }
    this.#saw(from.host);
    this.#connections.add(socket);
    const lifetime = this.#clock.after(this.#limits.connectionMs, () => socket.destroy());
    socket.on('close', () => this.#forget(socket, lifetime));
    // A connection that breaks has nothing to tell anybody here.
    socket.on('error', () => socket.destroy());
    this.#read(socket, from);
  }

  #forget(socket: Socket, lifetime: Timer): void {
    lifetime.cancel();
    this.#connections.delete(socket);
  }

  /** Cuts the stream into messages. At most one message and one chunk of the socket are held. */
  #read(socket: Socket, from: Endpoint): void {
    let held = Buffer.alloc(0);
    let requestsLeft = this.#limits.connectionRequestsMax;
    const take = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      try {
        for (let length = this.#whole(held); length !== undefined; length = this.#whole(held)) {
          if (requestsLeft-- === 0) throw new StunError('too many requests on one connection');
          const answer = this.#answer(held.subarray(0, length), from);
          held = held.subarray(length);
          if (answer !== undefined) established(socket);
          // Whoever does not read the answers is not worth a buffer.
          if (answer && !socket.write(answer)) throw new StunError('the answers are not read');
        }
      } catch (error) {
        if (!(error instanceof StunError)) throw error;
        this.counts.ignored += 1;
        socket.destroy();
      }
    };
    socket.on(
      'data',
      this.#fence.around('rendezvous', take, () => socket.destroy()),
    );
  }

  /** The length of the message at the front, once all of it is there. */
  #whole(held: Buffer): number | undefined {
    const length = stunLength(held);
    if (length === undefined) return undefined;
    if (length > this.#limits.messageBytesMax) throw new StunError(`a message of ${length} bytes`);
    return length <= held.length ? length : undefined;
  }
}

/** It has asked what is asked here, and may stay to keep its mapping. */
function established(socket: Socket): void {
  const place = Place.of(socket);
  place?.establish();
  place?.setBusy(true);
}
