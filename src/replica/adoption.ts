import type { Applied } from '../core/decide/apply.js';
import type { MoveSession } from '../core/model/command.js';
import { type Fault, isFault } from '../core/model/fault.js';
import { replacedElsewhere } from './attachments.js';
import type { Homes } from './homes.js';

/** What an {@link Adoption} stands on. */
export interface AdoptionDeps {
  readonly homes: Homes;
  readonly submit: (command: MoveSession) => Promise<Applied | Fault>;
}

/** Moves sessions to this server. */
export class Adoption {
  readonly #deps: AdoptionDeps;
  /** Sessions that are on their way here: however often their clients renew meanwhile, one command is enough. */
  readonly #moving = new Map<number, Promise<Fault | undefined>>();

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /** Moves a live session here. Undefined at once where it is here already; a refusal when it cannot come, or has gone on meanwhile. */
  adopt(sid: number): Promise<Fault | undefined> | undefined {
    const { homes } = this.#deps;
    const home = homes.of(sid);
    if (homes.isAlone ? home === undefined || home === homes.own : homes.isHere(sid)) return undefined;
    if (homes.own === 0) return Promise.resolve(homes.notJoined());
    const moving = this.#moving.get(sid) ?? this.#move(sid).finally(() => this.#moving.delete(sid));
    this.#moving.set(sid, moving);
    return moving;
  }

  async #move(sid: number): Promise<Fault | undefined> {
    const { homes, submit } = this.#deps;
    const outcome = await submit({ kind: 'MoveSession', sid, server: homes.own });
    if (isFault(outcome)) return outcome;
    return homes.isHere(sid) ? undefined : replacedElsewhere(sid);
  }
}
