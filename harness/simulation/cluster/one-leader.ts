import type { ClusterScene } from './place.js';
import { LEADER_TTL_MS } from './server.js';

const LOOK_MS = 250;
/** For how long two may take themselves for the leader: until a lease that was renewed just before has ended, and a keep-alive says so. */
const OVERLAP_MS_MAX = LEADER_TTL_MS + 1_000;

/**
 * **Led**: two servers that run do not take themselves for the leader for longer than a lease. What the earlier one appends is fenced, but
 * its lists and watches stand still, and it vouches for sessions that the other one gives up.
 */
export class OneLeader {
  readonly #scene: Pick<ClusterScene, 'scheduler' | 'verdict' | 'places'>;
  /** When there were two first. */
  #sinceMs: number | undefined;

  constructor(scene: Pick<ClusterScene, 'scheduler' | 'verdict' | 'places'>) {
    this.#scene = scene;
  }

  begin(): void {
    this.#scene.scheduler.after(LOOK_MS, () => {
      this.#look();
      this.begin();
    });
  }

  #look(): void {
    const { scheduler, verdict, places } = this.#scene;
    const leading = places.filter(
      ({ server, process }) => server?.member.role === 'leading' && process?.isAlive && !process.isStopped,
    );
    if (leading.length < 2) this.#sinceMs = undefined;
    else this.#sinceMs ??= scheduler.nowMs;
    const forMs = scheduler.nowMs - (this.#sinceMs ?? scheduler.nowMs);
    if (forMs <= OVERLAP_MS_MAX) return;
    const names = leading.map(({ name }) => name).join(' and ');
    verdict.fail('Led', `${names} have both taken themselves for the leader for ${forMs} ms`);
  }
}
