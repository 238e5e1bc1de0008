import type Udx from 'udx-native';
import type { Clock } from '../../../base/clock.js';
import type { Endpoint } from '../../../stun/address.js';
import { type Candidate, familyOf, hostAddresses, ordered } from '../candidate.js';
import { openAll } from '../open-all.js';
import type { AttemptOutcome, AttemptPlan, Puncher } from '../path.js';
import { Reach } from '../reach.js';
import { UdpAttempt } from './udp-attempt.js';
import { UdpFamily } from './udp-family.js';

/**
 * Reaches a peer over UDP: checks everything that the peer may be reached at, and answers what checks here. Where a
 * check is answered, a reliable stream (UDX) is made, and TLS over it.
 */
export class UdpPunch implements Puncher {
  readonly candidates: readonly Candidate[];
  readonly #udx: Udx;
  readonly #families: readonly UdpFamily[];
  readonly #clock: Clock;

  private constructor(udx: Udx, families: readonly UdpFamily[], clock: Clock) {
    this.#clock = clock;
    this.#udx = udx;
    this.#families = families;
    this.candidates = ordered(families.flatMap(({ candidates }) => candidates));
  }

  /**
   * Opens the sockets and learns what others see of them. `rendezvous`: one address of each family at most; `port`: which to
   * use, if it is free.
   *
   * Throws when udx-native is not there: it is an optional package, because it comes as a binary.
   */
  static async gather(rendezvous: readonly Endpoint[], clock: Clock, port?: number): Promise<UdpPunch> {
    const { default: Udx } = await import('udx-native');
    const udx = new Udx();
    const families = ([6, 4] as const).filter((family) => family === 4 || hostAddresses(family).length > 0);
    const open = (family: 4 | 6) =>
      UdpFamily.open(
        { udx, clock, family },
        rendezvous.find(({ host }) => familyOf(host) === family),
        port,
      );
    return new UdpPunch(udx, await openAll(families.map(open), ({ socket }) => void socket.close()), clock);
  }

  get roundTripMs(): number | undefined {
    return this.#families.find(({ roundTripMs }) => roundTripMs !== undefined)?.roundTripMs;
  }

  listensAt(port: number): boolean {
    return this.#families.every((family) => family.port === port);
  }

  async measure(): Promise<number | undefined> {
    const measured = await Promise.all(this.#families.map((family) => family.measure()));
    return measured.find((roundTripMs) => roundTripMs !== undefined);
  }

  attempt(plan: AttemptPlan, signal?: AbortSignal): Promise<AttemptOutcome> {
    const deps = { udx: this.#udx, families: this.#families, clock: this.#clock, reach: new Reach(this.candidates) };
    return new UdpAttempt(plan, deps).run(signal);
  }

  close(): void {
    // A socket under a path that stands stays until that path ends.
    for (const { socket } of this.#families) void socket.close();
  }
}
