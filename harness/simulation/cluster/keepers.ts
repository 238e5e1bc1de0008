import type { Applied } from '../../../src/core/decide/apply.js';
import { type Fault, isFault } from '../../../src/core/model/fault.js';
import type { SeededRandom } from '../machine/random.js';
import { Asked } from './asked.js';
import { openingAt } from './opening.js';
import { answering, type ClusterScene } from './place.js';
import { Promises } from './promises.js';
import type { ClusterServer } from './server.js';

const COUNT = 4;
const TTL_MS = 5_000;
/** How long a session is left alone between two renewals. */
const REST_MS = { least: 400, most: 2_000 } as const;

/**
 * Callers who keep their sessions by renewals alone, each at any server: mostly one that the session is not at, which has to hear of it.
 *
 * **Leased**: none of their sessions expires within its TTL after a server has accepted a renewal.
 */
export class Keepers {
  readonly #keepers: readonly Keeper[];

  constructor(scene: ClusterScene, random: SeededRandom) {
    this.#keepers = Array.from({ length: COUNT }, (_, at) => new Keeper(scene, random, at));
  }

  begin(): void {
    for (const keeper of this.#keepers) keeper.step();
  }

  /** An expiry is in the log. */
  judgeExpiry(sid: number): void {
    for (const keeper of this.#keepers) keeper.judgeExpiry(sid);
  }

  /** Etcd was restored: sessions that were acknowledged since its backup never were. */
  restored(_revision: number): void {
    for (const keeper of this.#keepers) keeper.forget();
  }
}

class Keeper {
  readonly #scene: ClusterScene;
  readonly #random: SeededRandom;
  readonly #promises: Promises;
  readonly #opening = new Asked();
  readonly #number: number;
  #tries = 0;
  #sid = 0;

  constructor(scene: ClusterScene, random: SeededRandom, number: number) {
    this.#scene = scene;
    this.#random = random;
    this.#number = number;
    this.#promises = new Promises(scene.scheduler, TTL_MS);
  }

  /** Renews the session at some server, or opens one, again and again. */
  step(): void {
    this.#scene.scheduler.after(this.#random.between(REST_MS.least, REST_MS.most), () => {
      const servers = answering(this.#scene).filter(({ isInTouch }) => isInTouch);
      if (servers.length > 0 && !this.#scene.isRestoring) this.#act(this.#random.pick(servers));
      this.step();
    });
  }

  judgeExpiry(sid: number): void {
    if (sid !== this.#sid) return;
    this.#sid = 0;
    const leftMs = this.#promises.ended(sid);
    if (leftMs === 0) return;
    const text = `session ${sid} expired ${leftMs.toFixed(0)} ms before its TTL was over, renewed at any server`;
    this.#scene.verdict.fail('Leased', text);
  }

  forget(): void {
    this.#sid = 0;
    this.#promises.clear();
  }

  #act(server: ClusterServer): void {
    if (this.#sid === 0) this.#open(server);
    else if (server.state.sessions.has(this.#sid) && server.replica.renew(this.#sid)) this.#promises.renewed(this.#sid);
  }

  #open(server: ClusterServer): void {
    // Another one each time: what became of the try before may be unknown.
    const [tries, number] = [++this.#tries % 1_000, this.#number].map(String);
    const command = openingAt(
      server,
      `00000000-0000-4000-b${tries.padStart(3, '0')}-${number.padStart(12, '0')}`,
      TTL_MS,
    );
    if (isFault(command)) return;
    const { life, scheduler } = this.#scene;
    const fromMs = scheduler.nowMs;
    const opened = (outcome: Applied | Fault) => {
      if (isFault(outcome) || life !== this.#scene.life) return;
      for (const change of outcome.changes) if (change.kind === 'SessionOpened') this.#sid = change.session.sid;
      this.#promises.opened(this.#sid, fromMs);
    };
    this.#opening.ask(server, () => server.replica.submit(command), opened);
  }
}
