import type { Trial, TrialOptions } from './trial.js';

/** Where a trial takes place, when it is not just any folder of this machine. */
export interface Ground {
  readonly options: Partial<TrialOptions>;
  /** Takes back whatever was made. */
  remove(): void;
}

/** One kind of thing that goes wrong with a real server, and what must hold in it besides what always must. */
export interface Fault {
  readonly name: string;
  /** In one line, for people. */
  readonly about: string;
  /** What is missing here to make it, in one line; undefined when nothing is. */
  lacks(): string | undefined;
  /** Makes the ground that it needs. */
  prepare(): Ground;
  /** Lets it happen once, while clients are at work. `patient`: also what takes a minute. */
  strike(trial: Trial, patient: boolean): Promise<void>;
}

/** The ground of a fault that needs none. */
export const ANYWHERE: Ground = { options: {}, remove: () => {} };
