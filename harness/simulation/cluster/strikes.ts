import type { SeededRandom } from '../machine/random.js';
import type { Links } from './links.js';
import type { ClusterScene, Place } from './place.js';

/** How many troubles last so long that the others take a server for lost. */
const LOST = 0.15;
/** How often an operator restores etcd instead. */
const RESTORED = 0.08;

/** What {@link Strikes} stand on. */
export interface StrikesDeps {
  readonly scene: ClusterScene;
  readonly links: Links;
  /** Drawn from beside the other strikes, so that these stay what they are. */
  readonly restoring: SeededRandom;
  readonly kill: (place: Place, downMs: number) => void;
  /** Restores etcd from a backup of now, so much later; undefined where that is not to happen. */
  readonly restore: ((afterMs: number) => Promise<void>) | undefined;
}

/** Lets one thing after the other go wrong with servers, their links and their ways to etcd. */
export class Strikes {
  readonly #deps: StrikesDeps;

  constructor(deps: StrikesDeps) {
    this.#deps = deps;
  }

  begin(): void {
    const { scene, restoring, restore } = this.#deps;
    const { random, scheduler, places } = scene;
    scheduler.after(random.between(500, 8_000), () => {
      if (scene.isCalm) return;
      const place = random.pick(places);
      const other = random.pick(places);
      const forMs = random.chance(LOST) ? random.between(16_000, 40_000) : random.between(50, 12_000);
      if (restore !== undefined && restoring.chance(RESTORED)) void restore(forMs).then(() => this.begin());
      else {
        this.#strike(random.below(6), place, other, forMs);
        this.begin();
      }
    });
  }

  #strike(kind: number, place: Place, other: Place, forMs: number): void {
    const { links, kill, scene } = this.#deps;
    const touched = kind === 2 || kind === 5 ? scene.places : [place];
    const mark = () => {
      for (const one of touched) one.disturbedMs = scene.scheduler.nowMs;
    };
    const heal = (call: () => void) => {
      scene.scheduler.after(forMs, () => {
        call();
        mark();
      });
    };
    mark();
    if (kind <= 1) kill(place, forMs);
    else if (kind === 2) {
      if (place !== other) links.cut(place.name, other.name);
      heal(() => links.heal());
    } else if (kind === 3) {
      const { process } = place;
      process?.stop();
      heal(() => process?.proceed());
    } else if (kind === 4) {
      place.store = scene.random.pick(['lost', 'unanswered'] as const);
      heal(() => {
        place.store = 'passes';
      });
    } else {
      links.isSlow = true;
      heal(() => {
        links.isSlow = false;
      });
    }
  }
}
