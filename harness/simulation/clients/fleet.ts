import type { Instance } from '../../../src/client/instance/instance.js';
import type { Switchyard } from '../../../src/client/switchyard.js';
import type { SigningKey } from '../../../src/trust/signing-key.js';
import type { Truth } from '../truth.js';
import type { Found, Verdict } from '../verdict.js';
import type { Joining } from './joining.js';
import type { Reader } from './readers.js';

/** A client program with the real client in it: on a simulated machine, or in this very process. */
export interface Member {
  readonly name: string;
  /** Which instance it runs; undefined for one that only watches. */
  readonly uuid: string | undefined;
  /** By which that instance proves itself; absent for one that has none. */
  readonly key?: SigningKey | undefined;
  readonly client: Switchyard;
  instance: Instance | undefined;
  /** The instance's present session, if it has one. */
  readonly sid: number | undefined;
  /** Streams that its instance has created, by id. */
  readonly streams: number[];
  readonly readers: Set<Reader>;
  /** Resolves when its process has waited so long. */
  wait(ms: number): Promise<void>;
}

/** Whoever looks on at what clients hear, and holds it against the truth. */
export interface Onlooker {
  readonly truth: Truth;
  readonly verdict: Verdict;
  readonly nowMs: number;
  note(line: string): void;
  /** Judges something that was heard: now, or as soon as the truth of it is known, in the order of the calls. */
  judge(name: string, find: () => Found | undefined): void;
}

/** All clients of one network, and what they are given to do: the same steps in a simulation and against a real server. */
export interface Fleet extends Onlooker {
  /** Those that run an instance, some of them with one UUID. */
  readonly hosts: readonly Member[];
  readonly admin: Member;
  readonly serverSid: number;
  /** A name that no other call in this run has. */
  mark(): string;
  join(member: Member, joining: Joining): void;
}
