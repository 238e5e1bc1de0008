import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../../base/clock.js';
import { every, within } from '../../base/timing.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';

/*
 * NAT-PMP (RFC 6886), which routers that speak PCP or UPnP mostly answer, too. A request for a TCP port, and its answer:
 *
 *     | version 0 | op 2   | 0 (2)          | inside port (2) | outside port (2) | lifetime (4) |
 *     | version 0 | op 130 | result code (2)| epoch (4)       | inside port (2)  | outside port (2) | lifetime (4) |
 */
const VERSION = 0;
const MAP_TCP = 2;
const ANSWER = 128;
const REQUEST_BYTES = 12;
const ANSWER_BYTES = 16;
const SUCCESS = 0;
const ROUTER_PORT = 5_351;
/** Routers that are asked, each by a socket of its own: few machines have more than two default routes. */
const GATEWAYS_MAX = 4;

/** A port of the router that leads to one of this machine, until it is closed. */
export interface PortMapping {
  /** At the router's public address. */
  readonly port: number;
  close(): void;
}

/** Asks the router of this machine's network to let strangers in at a port. */
export interface PortMapper {
  /** Undefined when the router grants nothing, or there is none that answers in time. */
  map(port: number): Promise<PortMapping | undefined>;
}

/** What a {@link NatPmp} stands on. */
export interface NatPmpDeps {
  readonly clock: Clock;
  /** The routers that the default routes lead to. */
  gateways(): Promise<readonly string[]>;
}

/** Asks routers by NAT-PMP. Whoever got a mapping closes it; one that is not closed ends with its lifetime. */
export class NatPmp implements PortMapper {
  constructor(private readonly deps: NatPmpDeps) {}

  async map(port: number): Promise<PortMapping | undefined> {
    const { mapMs, mappedMs } = CONNECTION_TIMES;
    // All at once, so that it takes as long as the first that grants one, and one `mapMs` where none does.
    const asked = (await this.deps.gateways()).slice(0, GATEWAYS_MAX).map(async (gateway) => {
      const outside = await this.#ask(gateway, port, port, mappedMs, mapMs);
      if (outside === undefined) throw new Error(`${gateway} grants no port`);
      // One of lifetime 0 and outside port 0 takes it back. Where that is lost, its lifetime does it.
      return { port: outside, close: () => void this.#ask(gateway, port, 0, 0, mapMs) };
    });
    const first = await Promise.any(asked).catch(() => undefined);
    for (const one of asked) {
      one.then(
        (mapping) => mapping !== first && mapping.close(),
        () => {},
      );
    }
    return first;
  }

  /** The outside port that is granted; undefined: none is, or there is no answer in time. */
  async #ask(gateway: string, port: number, outside: number, forMs: number, ms: number): Promise<number | undefined> {
    const { clock } = this.deps;
    const socket = createSocket('udp4');
    // Beside what is awaited below, which rejects with it: a refusal may come at any time.
    socket.on('error', () => {});
    const request = mapRequest(port, outside, forMs);
    try {
      return await within(clock, ms, async (signal) => {
        // Connected: the kernel lets only the router itself answer.
        socket.connect(ROUTER_PORT, gateway);
        await once(socket, 'connect', { signal });
        const again = every(clock, CONNECTION_TIMES.stunRetryMs, () => socket.send(request));
        try {
          socket.send(request);
          for (;;) {
            const [answer] = (await once(socket, 'message', { signal })) as [Buffer];
            const granted = readAnswer(answer, port);
            if (granted !== 'other') return granted;
          }
        } finally {
          again.cancel();
        }
      });
    } catch {
      // No router there, one that refuses datagrams, or none that answers: then there is no mapping.
      return undefined;
    } finally {
      socket.close();
    }
  }
}

function mapRequest(port: number, outside: number, forMs: number): Buffer {
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeUInt8(VERSION, 0);
  request.writeUInt8(MAP_TCP, 1);
  request.writeUInt16BE(port, 4);
  request.writeUInt16BE(outside, 6);
  request.writeUInt32BE(Math.ceil(forMs / 1_000), 8);
  return request;
}

/** The outside port that a router grants; undefined when it grants none. */
function readAnswer(answer: Buffer, port: number): number | undefined | 'other' {
  if (answer.length < 4 || answer.readUInt8(0) !== VERSION || answer.readUInt8(1) !== ANSWER + MAP_TCP) return 'other';
  if (answer.readUInt16BE(2) !== SUCCESS) return undefined;
  if (answer.length < ANSWER_BYTES || answer.readUInt16BE(8) !== port) return 'other';
  return answer.readUInt16BE(10) || undefined;
}
