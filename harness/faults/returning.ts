import { type Instance, SwitchyardError } from '../../src/client/index.js';
import type { Ear } from './channel.js';

/** How fine the count is. */
export const BUCKET_MS = 100;

/** A tenth of a second of a return, counted from the moment in which the server went. */
export interface Bucket {
  readonly ms: number;
  /** Sessions that are attached at its end. */
  attached: number;
  /** Attach calls that their clients began, whether there was a server or not. */
  begun: number;
  /** Attach calls that the server took. */
  taken: number;
  /** Attach calls that the server refused. */
  refused: number;
}

/** A fleet that lost its server at one moment, and how it comes back: everybody is counted, at every step. */
export class Returning {
  readonly buckets: Bucket[] = [];
  /** How many came back with another session than they had. */
  lost = 0;
  readonly ear: Ear = {
    answered: () => {},
    sent: (method) => {
      if (method === 'Attach' && this.isOn) this.bucket.begun++;
    },
    broke: (method, error) => {
      const isRefusal = error instanceof SwitchyardError && error.reason !== undefined && error.reason !== 'DRAINING';
      if (method === 'Attach' && this.isOn && isRefusal) this.bucket.refused++;
    },
  };
  private beganMs = 0;
  private isOn = false;
  private instances: readonly Instance[] = [];

  /** Time since the server went. */
  get nowMs(): number {
    return performance.now() - this.beganMs;
  }

  /** How many are attached now. */
  get attached(): number {
    return this.instances.filter(({ state }) => state === 'attached').length;
  }

  /** The server goes now. Each of these is attached. */
  begin(instances: readonly Instance[]): void {
    this.instances = instances;
    this.isOn = true;
    this.beganMs = performance.now();
    for (const instance of instances) {
      const sid = instance.session?.cvid;
      instance.on('attached', ({ cvid }) => {
        this.bucket.taken++;
        if (cvid !== sid) this.lost++;
      });
    }
  }

  /** Writes down how many are attached now. */
  look(): void {
    this.bucket.attached = this.attached;
  }

  /** Whether everybody has been away, and is back. */
  get isOver(): boolean {
    const back = this.buckets.reduce((sum, { taken }) => sum + taken, 0);
    return back >= this.instances.length && this.attached === this.instances.length;
  }

  private get bucket(): Bucket {
    for (;;) {
      const last = this.buckets.at(-1);
      const ms = last === undefined ? 0 : last.ms + BUCKET_MS;
      if (last !== undefined && this.nowMs < ms) return last;
      this.buckets.push({ ms, attached: last?.attached ?? this.instances.length, begun: 0, taken: 0, refused: 0 });
    }
  }
}
