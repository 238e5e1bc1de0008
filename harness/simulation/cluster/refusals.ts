import type { SeededRandom } from '../machine/random.js';
import type { Links } from './links.js';
import type { ClusterScene } from './place.js';

/** What {@link Refusals} stand on. */
export interface RefusalsDeps {
  readonly scene: ClusterScene;
  readonly links: Links;
  /** Drawn from beside the strikes, so that these stay what they are. */
  readonly random: SeededRandom;
}

/**
 * Lets the machine of a leader that lives refuse the others now and then, as a firewall does, and loses its requests to etcd for about as long as
 * another server needs to take it for gone, so that some of them are.
 */
export class Refusals {
  readonly #deps: RefusalsDeps;

  constructor(deps: RefusalsDeps) {
    this.#deps = deps;
  }

  begin(): void {
    const { scene, random } = this.#deps;
    scene.scheduler.after(random.between(4_000, 20_000), () => {
      if (scene.isCalm) return;
      this.#refuse();
      this.begin();
    });
  }

  #refuse(): void {
    const { scene, links, random } = this.#deps;
    const { scheduler } = scene;
    const [afterMs, forMs] = [random.between(2_000, 5_000), random.between(1_100, 1_900)];
    const place = scene.places.find(({ server }) => server?.member.role === 'leading');
    if (place === undefined) return;
    const mark = () => {
      place.disturbedMs = scheduler.nowMs;
    };
    mark();
    links.refuse(place.name);
    scheduler.after(afterMs, () => {
      if (place.store !== 'passes') return;
      place.store = 'lost';
      mark();
      scheduler.after(forMs, () => {
        place.store = 'passes';
        mark();
      });
    });
    scheduler.after(afterMs + forMs + random.between(0, 4_000), () => {
      links.accept(place.name);
      mark();
    });
  }
}
