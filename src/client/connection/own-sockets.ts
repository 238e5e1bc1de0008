import type { Clock, Timer } from '../../base/clock.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { GatheredPaths } from '../direct/gather.js';
import { nextSockets, type SocketsState } from './brokered-state.js';

/** The sockets that were opened with a connection, until they are given back. */
export class OwnSockets {
  #state: SocketsState = 'fresh';
  #spare: Timer | undefined;

  constructor(
    readonly gathered: Promise<GatheredPaths>,
    private readonly clock: Clock,
  ) {}

  /** Whether an attempt has used them. */
  get arePunched(): boolean {
    return this.#state === 'punched';
  }

  /** Whether an attempt has a path, and there may be another one: the other end may not have it. */
  get areSpare(): boolean {
    return this.#spare !== undefined;
  }

  /** An attempt uses them. */
  punch(): void {
    this.#keepNoMore();
    this.#state = nextSockets(this.#state, 'punch');
  }

  /** The sockets for a try beside the relay, once: what was observed of them is true for one attempt. */
  takeFresh(): Promise<GatheredPaths> | undefined {
    const isFresh = this.#state === 'fresh';
    this.#state = nextSockets(this.#state, 'take');
    return isFresh ? this.gathered : undefined;
  }

  /** An attempt has a path. They are kept, should the other end not have it: by then both have told that they have, or an attempt is ordered. */
  keepSpare(): void {
    this.#spare = this.clock.after(CONNECTION_TIMES.spareMs, () => this.close());
  }

  #keepNoMore(): void {
    this.#spare?.cancel();
    this.#spare = undefined;
  }

  close(): void {
    this.#keepNoMore();
    this.#state = nextSockets(this.#state, 'close');
    this.gathered.then(
      ({ puncher }) => puncher.close(),
      () => {},
    );
  }
}
