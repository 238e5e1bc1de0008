import { type Connection, ConnectionRole, type RendezvousAddress } from '../../../gen/switchyard/v1/connection.js';
import type { Clock, Random, Timer } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { CarriedDuplex } from '../carrier/carried-duplex.js';
import type { DirectCarrier } from '../carrier/direct-carrier.js';
import type { GatheredPaths } from '../direct/gather.js';
import type { PathIdentity } from '../direct/identity.js';
import { attemptPlan, type DirectPath } from '../direct/path.js';
import { LIMITS } from '../limits.js';
import type { LocalAddresses } from '../local-addresses.js';
import { carrierOfPath } from './path-carrier.js';
import { punchAnswer } from './punch-answer.js';

/** What it takes to try again. */
export interface UpgradeDesk {
  readonly identity: PathIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly addresses: LocalAddresses;
  /** Sockets that were opened with the connection and that no attempt has used; undefined when there are none. */
  fresh(): Promise<GatheredPaths> | undefined;
  /** Opens sockets anew: what was observed of the ones before is old. */
  gather(rendezvous: readonly RendezvousAddress[] | undefined): Promise<GatheredPaths>;
  /** Asks the server for an attempt; the order to punch comes of it. */
  ask(gathered: GatheredPaths): Promise<void>;
}

/** Something to be done with the connection once there is one, or not to be done at all. */
interface Plan {
  carryOut(duplex: CarriedDuplex): void;
  drop(): void;
}

/**
 * The tries of one end to move a relayed connection to a direct path. The controlling end asks for them: where the relay comes
 * first, at once, beside the opening of its streams; and again and again with waits that double, until one has worked or the
 * bound is reached. The other end does what it is ordered.
 *
 * A try that fails costs nothing but itself: the connection goes on on the relay.
 */
export class Upgrade {
  /** The direct path that the connection moves to, or has moved to. */
  path: DirectPath | undefined;
  readonly #life = new AbortController();
  #duplex: CarriedDuplex | undefined;
  #plans: Plan[] = [];
  #tries = 0;
  #timer: Timer | undefined;
  /** A try is under way, and no other begins until then. */
  #busyUntilMs = 0;
  #gathered: Promise<GatheredPaths> | undefined;

  constructor(private readonly desk: UpgradeDesk) {}

  /** The relay is open: what was found meanwhile is used. To be called before anybody reads the connection. */
  carry(duplex: CarriedDuplex): void {
    this.#duplex = duplex;
    for (const plan of this.#plans.splice(0)) plan.carryOut(duplex);
  }

  /** As the controlling end: asks for a try at once, that the waits of {@link begin} do not count. */
  tryNow(): void {
    this.#busyUntilMs = this.desk.clock.nowMs() + CONNECTION_TIMES.upgradeTakesMs;
    this.gather()
      .then((gathered) => this.desk.ask(gathered))
      // What went wrong is in the connection's record, or the server is away: the next try is on its way already. Where only its answer is
      // lost, the try may have found a path.
      .catch(() => this.#busyUntilMs !== Number.POSITIVE_INFINITY && this.#letGo());
  }

  /** As the controlling end: asks for the first try after so long, and for the next ones by itself. */
  begin(firstMs: number): void {
    if (firstMs === Number.POSITIVE_INFINITY || this.#tries >= LIMITS.upgradesMax) return;
    const windowMs = Math.min(CONNECTION_TIMES.upgradeMaxMs, firstMs * 2 ** this.#tries);
    // Up to a quarter more, so that many connections that fell back at one moment do not try at one moment.
    const delayMs = windowMs * (1 + this.desk.random.fraction() / 4);
    this.#timer = this.desk.clock.after(delayMs, () => {
      if (this.desk.clock.nowMs() >= this.#busyUntilMs) {
        this.#tries += 1;
        this.tryNow();
      }
      this.begin(firstMs);
    });
  }

  /** Opens sockets for a try. */
  gather(rendezvous?: readonly RendezvousAddress[]): Promise<GatheredPaths> {
    this.#close();
    this.#gathered = this.desk.fresh() ?? this.desk.gather(rendezvous);
    if (this.#life.signal.aborted) this.#letGo();
    return this.#gathered;
  }

  /** Tries once, as ordered; what comes of it is the answer. The connection moves by itself afterwards. */
  async punch(order: Connection): Promise<Uint8Array> {
    this.#gathered ??= this.desk.fresh();
    if (this.#gathered === undefined) throw new Error('ordered to punch before it was ordered to gather');
    const { puncher } = await this.#gathered;
    const trying = puncher.attempt(attemptPlan(order, this.desk.identity), this.#life.signal);
    const carrier = trying.then(({ path }) => this.#carrierOf(path, order));
    if (order.role === ConnectionRole.PUNCH_CONTROLLED) this.#expect(order.attempt, carrier);
    const [outcome, path] = await Promise.all([trying, carrier]);
    this.#letGo();
    if (path && order.role === ConnectionRole.PUNCH_CONTROLLING) this.#move(order.attempt, path);
    return punchAnswer(outcome, undefined);
  }

  #expect(attempt: number, path: Promise<DirectCarrier | undefined>): void {
    this.#plan({
      carryOut: (duplex) => duplex.expect(attempt, path),
      drop: () => void path.then((carrier) => carrier?.close()),
    });
  }

  /** Nothing is tried while the peer may have yet to read of the move: it would let go of the path. */
  #move(attempt: number, path: DirectCarrier): void {
    this.#busyUntilMs = Number.POSITIVE_INFINITY;
    this.#plan({
      carryOut: (duplex) => {
        duplex.move(attempt, path).then(
          (moved) => {
            this.#busyUntilMs = 0;
            if (moved) this.end();
            else this.#letGo();
          },
          (error: Error) => duplex.destroy(error),
        );
      },
      drop: () => void path.close(),
    });
  }

  #plan(plan: Plan): void {
    if (this.#duplex) plan.carryOut(this.#duplex);
    else if (this.#life.signal.aborted) plan.drop();
    else this.#plans.push(plan);
  }

  /** No more tries. A path that was found stays. */
  end(): void {
    this.#timer?.cancel();
    this.#life.abort();
    for (const plan of this.#plans.splice(0)) plan.drop();
    this.#letGo();
  }

  #carrierOf(path: DirectPath | undefined, order: Connection): DirectCarrier | undefined {
    if (path === undefined) return undefined;
    this.path = path;
    return carrierOfPath(path, order, this.desk);
  }

  /** The try is over. A move that is still to be said is not. */
  #letGo(): void {
    if (this.#busyUntilMs !== Number.POSITIVE_INFINITY) this.#busyUntilMs = 0;
    this.#close();
  }

  #close(): void {
    this.#gathered?.then(
      ({ puncher }) => puncher.close(),
      () => {},
    );
  }
}
