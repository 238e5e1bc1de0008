import type { Verdict } from '../verdict.js';

/** A network from when it was created until it is dropped: one of the same name that comes later is another one. */
export interface Tenancy {
  readonly network: string;
  readonly generation: number;
}

/** What everything that belongs to a network is called by: names of instances and streams, and reasons, begin so. */
export function tagOf({ network, generation }: Tenancy): string {
  return `${network}.${generation}.`;
}

/**
 * **Apart**: nothing of one network is ever heard in another: no session, node, end of one, stream, order or position, also where a
 * caller brings tokens, positions and page tokens of another one, or of a network of that name that was dropped.
 */
export class Apart {
  /** How often each kind of thing was held against its network, so that a check that hears nothing is noticed. */
  readonly heard = new Map<string, number>();
  readonly #epochs = new Map<string, string>();

  constructor(private readonly verdict: Verdict) {}

  /** Something that names its network was heard in one: in any of these generations of it. */
  names(what: string, name: string, where: Tenancy, latest = where.generation): void {
    this.#count(what);
    for (let generation = where.generation; generation <= latest; generation++) {
      if (name.startsWith(tagOf({ ...where, generation }))) return;
    }
    this.#fail(`${what} ${JSON.stringify(name)} was heard in ${tagOf(where)}`);
  }

  /** A position was heard: an epoch is of one network only, and for ever. */
  epoch(epoch: string, { network }: Tenancy): void {
    this.#count('epoch');
    const known = this.#epochs.get(epoch);
    if (known !== undefined && known !== network) this.#fail(`the epoch ${epoch} of ${known} was heard in ${network}`);
    this.#epochs.set(epoch, network);
  }

  /** A watch goes on from where another one stood: only in the same network. */
  resumed(epoch: string, from: string): void {
    this.#count('resumed');
    if (epoch !== from) this.#fail(`a watch at the epoch ${from} went on in the epoch ${epoch}, and was not told`);
  }

  /** A token was taken where it must not be. */
  token(where: string): void {
    this.#fail(`a session token was taken ${where}`);
  }

  /** A token was refused where it must be. */
  refused(): void {
    this.#count('token');
  }

  #fail(text: string): void {
    this.verdict.fail('Apart', text);
  }

  #count(what: string): void {
    this.heard.set(what, (this.heard.get(what) ?? 0) + 1);
  }
}
