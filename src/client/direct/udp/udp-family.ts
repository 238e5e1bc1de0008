import type Udx from 'udx-native';
import type { UdxSocket } from 'udx-native';
import type { Clock } from '../../../base/clock.js';
import { codeOf } from '../../../base/errors.js';
import type { Endpoint } from '../../../stun/address.js';
import { anyAddress, type Candidate, CandidateType, candidate, type Family, hostAddresses } from '../candidate.js';
import { type Datagrams, type Observation, observeUdp } from '../reflexive.js';

/** Whose socket it is, what makes it, and the clock by which its observations are timed. */
export interface UdpFamilyDeps {
  readonly udx: Udx;
  readonly clock: Clock;
  readonly family: Family;
}

/** The socket of one address family by which an instance can be reached over UDP, and what is known about it. */
export class UdpFamily implements Datagrams {
  readonly family: Family;
  readonly socket: UdxSocket;
  readonly #clock: Clock;
  /** Undefined when there is none of this family, or it did not answer the first time. */
  #rendezvous: Endpoint | undefined;
  #candidates: readonly Candidate[] = [];
  #roundTripMs: number | undefined;

  private constructor({ family, clock }: UdpFamilyDeps, socket: UdxSocket, rendezvous: Endpoint | undefined) {
    this.family = family;
    this.#clock = clock;
    this.socket = socket;
    this.#rendezvous = rendezvous;
  }

  /** Opens the socket, at `port` if that is free, and asks the rendezvous about it where there is one of this family. */
  static async open(deps: UdpFamilyDeps, rendezvous: Endpoint | undefined, port = 0): Promise<UdpFamily> {
    const { udx, family } = deps;
    const socket = bound(udx, family, port);
    const opened = new UdpFamily(deps, socket, rendezvous);
    const observation = await opened.#observe();
    opened.#roundTripMs = observation?.roundTripMs;
    if (observation === undefined) opened.#rendezvous = undefined;
    const hosts = hostAddresses(family).map((host, rank) => candidate(CandidateType.HOST, opened.#at(host), rank));
    const forwarded = observation && opened.port === port ? [{ ...observation.seen, port }] : [];
    const seen = [...(observation ? [observation.seen] : []), ...forwarded].map((place, rank) =>
      candidate(CandidateType.REFLEXIVE, place, rank),
    );
    const behindNat = seen.filter(({ host, port }) => !hosts.some((one) => one.host === host && one.port === port));
    opened.#candidates = [...hosts, ...behindNat];
    return opened;
  }

  /** Its own port. */
  get port(): number {
    return this.socket.address().port;
  }

  /** Where it may be reached. */
  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  /** What the first observation took. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Its own end of a path, as it is known here. */
  get local(): Endpoint {
    return this.#at(hostAddresses(this.family)[0] ?? anyAddress(this.family));
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    this.socket.trySend(bytes, to.port, to.host);
  }

  listen(heard: (bytes: Buffer, from: Endpoint) => void): () => void {
    this.socket.on('message', heard);
    return () => this.socket.off('message', heard);
  }

  /** The round trip to the rendezvous, measured anew. */
  async measure(): Promise<number | undefined> {
    return (await this.#observe())?.roundTripMs;
  }

  async #observe(): Promise<Observation | undefined> {
    return this.#rendezvous && observeUdp(this, this.#rendezvous, this.#clock);
  }

  #at(host: string): Endpoint {
    return { host, port: this.port };
  }
}

/** A socket at a port, or at any when somebody else has that one. */
function bound(udx: Udx, family: Family, port: number): UdxSocket {
  const socket = udx.createSocket({ ipv6Only: family === 6 });
  try {
    socket.bind(port, anyAddress(family));
    return socket;
  } catch (error) {
    void socket.close();
    if (port === 0 || codeOf(error) !== 'EADDRINUSE') throw error;
    return bound(udx, family, 0);
  }
}
