import type { SimulatedEtcd } from '../machine/etcd.js';
import { answering, type ClusterScene, type Place } from './place.js';
import type { ClusterServer } from './server.js';

/** How long it waits until all servers are up and at one revision. */
const REST_MS = 250;
const REST_TRIES_MAX = 80;
/** How long servers may take to end in order. */
const END_MS = 10_000;
const RESTART_MS = 1_000;

/** What {@link Restores} stand on. */
export interface RestoresDeps {
  readonly scene: ClusterScene;
  readonly etcd: SimulatedEtcd;
  readonly kill: (place: Place, downMs: number) => void;
  /** Called when etcd has what it had at this revision: all that came after never was. */
  readonly restored: (revision: number) => void;
}

/** An operator who saves etcd's data and later puts it back, as docs/cluster.md says: all servers are stopped in order before. */
export class Restores {
  readonly #deps: RestoresDeps;
  #isRestoring = false;
  #count = 0;

  constructor(deps: RestoresDeps) {
    this.#deps = deps;
  }

  get isRestoring(): boolean {
    return this.#isRestoring;
  }

  /** How often etcd was restored. */
  get count(): number {
    return this.#count;
  }

  /** Saves now and restores so much later, unless servers do not come to rest or do not end in order. */
  async restore(afterMs: number): Promise<void> {
    const { scene, etcd, kill, restored } = this.#deps;
    const { ledger, places } = scene;
    const [backup, mark] = [etcd.backup(), ledger.mark()];
    await this.#wait(afterMs);
    this.#isRestoring = true;
    const servers = await this.#rest();
    const hasRest = servers.length === places.length && !scene.isCalm && mark.revision > 0;
    if (!hasRest) {
      this.#isRestoring = false;
      return;
    }
    // One that dies meanwhile does not end in order.
    const ending = Promise.all(servers.map((server) => server.end())).then(() => true);
    const hasEnded = await Promise.race([ending, this.#wait(END_MS).then(() => false)]);
    this.#isRestoring = false;
    const areAhead = servers.every(({ member }) => member.position.seq > mark.seq);
    for (const place of places) kill(place, RESTART_MS);
    // One that has applied no more than the backup has cannot tell it from the log.
    if (!hasEnded || !areAhead) return;
    etcd.restore(backup);
    ledger.restore(mark);
    this.#count++;
    restored(mark.revision);
  }

  /** All servers, once they are up and have the same; fewer when that does not come. */
  async #rest(): Promise<readonly ClusterServer[]> {
    const { scene } = this.#deps;
    for (let tries = 0; tries < REST_TRIES_MAX; tries++) {
      const up = answering(scene);
      const isRest =
        up.length === scene.places.length && up.every(({ state }) => state.revision === scene.ledger.revision);
      if (isRest || scene.isCalm) return up;
      await this.#wait(REST_MS);
    }
    return [];
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#deps.scene.scheduler.after(ms, resolve));
  }
}
