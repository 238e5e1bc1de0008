import type { Change } from '../../../src/core/model/change.js';
import type { Process } from '../machine/process.js';
import { answering, type ClusterScene } from './place.js';

const LOOK_MS = 500;
/** How long after everything has healed what servers say may be older: a leader is found, and gives up who does not come back in 10 s. */
const HEAL_MS = 20_000;
/** How long it takes until all servers say that a session is attached, or not, once all is well: two beats, messages, and a second. */
const AGREE_MS = 3_000;

/**
 * **Attached**: what a server tells watchers of attachments is what it says of them, each change once; and within some seconds of quiet all
 * servers say of all sessions whether they are attached at any server.
 */
export class AttachedCheck {
  readonly #scene: ClusterScene;
  /** The sessions that each process has told to be attached. */
  readonly #told = new WeakMap<Process, Set<number>>();
  /** The sessions that are attached somewhere. */
  #attached = new Set<number>();
  readonly #changedMs = new Map<number, number>();
  #calmMs = Number.POSITIVE_INFINITY;
  #compared = 0;
  /** Where servers differed first that should have agreed. */
  #wrong: string | undefined;

  constructor(scene: ClusterScene) {
    this.#scene = scene;
  }

  /** How many times a server was asked for a session that is attached at another one. */
  get compared(): number {
    return this.#compared;
  }

  begin(): void {
    this.#scene.scheduler.after(LOOK_MS, () => {
      this.#look();
      this.begin();
    });
  }

  /** A server tells its watchers of an attachment. */
  tell(process: Process, sid: number, isAttached: boolean): void {
    const told = this.#toldOf(process);
    if (told.has(sid) === isAttached) this.#fail(`a server told twice of session ${sid}: ${wordFor(isAttached)}`);
    if (isAttached) told.add(sid);
    else told.delete(sid);
  }

  /** A server has applied a revision: a session that has ended is attached no more. */
  applied(process: Process, changes: readonly Change[]): void {
    for (const change of changes) if (change.kind === 'SessionClosed') this.#toldOf(process).delete(change.session.sid);
  }

  /** Everything had time to come to rest. Last of all: servers that do not hear of each other differ, and other checks say so. */
  judgeRest(): void {
    if (this.#wrong !== undefined) this.#fail(this.#wrong);
  }

  #look(): void {
    const { scheduler, isCalm } = this.#scene;
    const { nowMs } = scheduler;
    if (isCalm) this.#calmMs = Math.min(this.#calmMs, nowMs);
    const attached = new Set(answering(this.#scene).flatMap(({ replica }) => [...replica.attachments.sids()]));
    for (const sid of [...attached, ...this.#attached]) {
      if (attached.has(sid) !== this.#attached.has(sid)) this.#changedMs.set(sid, nowMs);
    }
    this.#attached = attached;
    for (const server of answering(this.#scene)) {
      const { attachments } = server.replica;
      for (const sid of server.state.sessions.sidsAscending(0)) {
        const says = attachments.isKnownAttached(sid);
        const hasTold = this.#toldOf(server.process).has(sid);
        if (says !== hasTold) this.#fail(`${server.name} says of session ${sid} ${wordFor(says)}, and told otherwise`);
        if (attached.has(sid) && !attachments.isAttached(sid)) this.#compared++;
        if (says === attached.has(sid) || !this.#isDue(sid)) continue;
        this.#wrong ??= `${server.name} said at ${nowMs} ms of session ${sid} ${wordFor(says)}, which it was not`;
      }
    }
  }

  #isDue(sid: number): boolean {
    const { nowMs } = this.#scene.scheduler;
    return nowMs - this.#calmMs > HEAL_MS && nowMs - (this.#changedMs.get(sid) ?? 0) > AGREE_MS;
  }

  #toldOf(process: Process): Set<number> {
    const told = this.#told.get(process) ?? new Set();
    this.#told.set(process, told);
    return told;
  }

  #fail(text: string): void {
    this.#scene.verdict.fail('Attached', text);
  }
}

function wordFor(isAttached: boolean): string {
  return isAttached ? 'attached' : 'not attached';
}
