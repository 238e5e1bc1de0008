import { LAG_MS_MAX } from '../../../src/cluster/limits.js';
import { type Fault, isFault } from '../../../src/core/model/fault.js';
import type { Attachment } from '../../../src/replica/attachments.js';
import { openingAt } from './opening.js';
import type { ClusterScene, Place } from './place.js';
import { Promises } from './promises.js';
import type { ClusterServer } from './server.js';

const TTL_MS = 5_000;
/** A session that was attached at an undisturbed server for so long has no reason to expire. */
const UNDISTURBED_MS = 20_000;
/** A server that is in touch shows what was acknowledged so long ago: its bound of reading the log, and a look, and a message. */
const STALE_MS = LAG_MS_MAX + 3_000;
/** How many sessions callers know. */
const KNOWN_MAX = 50;
/** How many callers end what they have just opened. */
const HASTY = 0.15;

interface Held {
  readonly attachment: Attachment;
  readonly place: Place;
  readonly sinceMs: number;
}

/**
 * Callers at all servers, who open, attach, renew and end sessions and ask questions.
 *
 * **Current**: a server that says it is up to date has all that was acknowledged before the question. **Fresh**: a server that is in
 * touch is not far behind. **Leased**: no session expires that is attached, and none within its TTL after it was renewed at any server.
 * **Known**: who was told of a session is not told next that there is none.
 */
export class Callers {
  readonly #scene: ClusterScene;
  readonly #held = new Map<number, Held>();
  readonly #sids: number[] = [];
  readonly #promises: Promises;
  #newest = 0;
  /** What was acknowledged {@link STALE_MS} ago. */
  #old = 0;
  #made = 0;
  #acknowledged = 0;
  #unknown = 0;

  constructor(scene: ClusterScene) {
    this.#scene = scene;
    this.#promises = new Promises(scene.scheduler, TTL_MS);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** How many calls were answered with OUTCOME_UNKNOWN. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Makes one call after the other, at any server. */
  begin(): void {
    const { scheduler, random, places } = this.#scene;
    scheduler.after(random.between(5, 120), () => {
      const place = random.pick(places);
      const { server } = place;
      if (server?.isUp && !server.process.isStopped && !this.#scene.isCalm && !this.#scene.isRestoring)
        this.#callAt(place, server, random.below(10));
      this.begin();
    });
  }

  /** A server has died: its attachments with it. */
  died(place: Place): void {
    for (const [sid, held] of this.#held) if (held.place === place) this.#held.delete(sid);
  }

  /** Etcd was restored to this revision: what comes after it may get the numbers of sessions that never were. */
  restored(revision: number): void {
    this.#newest = revision;
    this.#old = 0;
    this.#sids.length = 0;
    this.#promises.clear();
  }

  /** An expiry is in the log. */
  judgeExpiry(sid: number): void {
    const { scheduler, verdict, places } = this.#scene;
    const leftMs = this.#promises.ended(sid);
    if (leftMs > 0) verdict.fail('Leased', `session ${sid} expired ${leftMs.toFixed(0)} ms before its TTL was over`);
    const held = this.#held.get(sid);
    this.#held.delete(sid);
    if (held === undefined || held.place.server === undefined) return;
    const lastMs = Math.max(held.sinceMs, ...places.map(({ disturbedMs }) => disturbedMs));
    let isOver = false;
    for (let next = held.attachment.next(); next !== undefined && !isOver; next = held.attachment.next()) {
      isOver = isFault(next);
    }
    if (isOver || scheduler.nowMs - lastMs < UNDISTURBED_MS) return;
    verdict.fail('Leased', `session ${sid} expired while it was attached at ${held.place.name}`);
  }

  #callAt(place: Place, server: ClusterServer, kind: number): void {
    const { replica, state } = server;
    const { verdict, random } = this.#scene;
    if (server.isInTouch && state.revision < this.#old && this.#hasRun(server)) {
      verdict.fail('Fresh', `${server.name} is in touch at ${state.revision}; ${this.#old} is ${STALE_MS} ms old`);
    }
    const sid = this.#sids.length === 0 ? 0 : random.pick(this.#sids);
    if (kind < 5) void this.#open(server);
    else if (kind === 5) void replica.submit({ kind: 'CloseSession', sid, reason: 2 });
    else if (kind === 6) void this.#attach(place, server, sid);
    else if (kind === 7) {
      if (server.isInTouch && server.state.sessions.has(sid) && replica.renew(sid)) this.#promises.renewed(sid);
    } else void this.#ask(server);
  }

  /** Not one that has just gone on after it stood still, and has looked at nothing yet. */
  #hasRun({ process }: ClusterServer): boolean {
    return this.#scene.scheduler.nowMs - process.runningSinceMs > STALE_MS;
  }

  async #open(server: ClusterServer): Promise<void> {
    const { replica, process } = server;
    const { ledger, random } = this.#scene;
    const isHasty = random.chance(HASTY);
    const uuid = `00000000-0000-4000-8000-${String(++this.#made).padStart(12, '0')}`;
    const command = openingAt(server, uuid, TTL_MS);
    if (isFault(command)) return;
    const fromMs = this.#scene.scheduler.nowMs;
    const outcome = await replica.submit(command);
    // Nobody hears what a dead process says.
    if (!process.isAlive) return;
    if (isFault(outcome)) {
      this.#refused(uuid, outcome);
      return;
    }
    this.#learn(outcome.revision);
    ledger.acknowledged(uuid, outcome.revision);
    for (const change of outcome.changes) {
      if (change.kind !== 'SessionOpened') continue;
      const { sid } = change.session;
      this.#promises.opened(sid, fromMs);
      if (isHasty) void this.#end(server, sid, outcome.revision);
      else this.#sids.push(sid);
    }
    if (this.#sids.length > KNOWN_MAX) this.#sids.shift();
  }

  #refused(uuid: string, fault: Fault): void {
    if (fault.reason === 'OUTCOME_UNKNOWN') this.#unknown++;
    this.#scene.ledger.refused(uuid, fault);
  }

  #learn(revision: number): void {
    this.#acknowledged++;
    const { life, scheduler } = this.#scene;
    this.#newest = Math.max(this.#newest, revision);
    scheduler.after(STALE_MS, () => {
      if (life === this.#scene.life) this.#old = Math.max(this.#old, revision);
    });
  }

  /** Ends a session at once that was opened there. Nobody else knows it, and its lease has not run out yet. */
  async #end({ replica, process, name }: ClusterServer, sid: number, opened: number): Promise<void> {
    const { life, scheduler, verdict } = this.#scene;
    const untilMs = scheduler.nowMs + TTL_MS;
    const outcome = await replica.submit({ kind: 'CloseSession', sid, reason: 2 });
    const hasChanged = !process.isAlive || life !== this.#scene.life || scheduler.nowMs >= untilMs;
    if (hasChanged || !isFault(outcome) || outcome.reason !== 'SESSION_NOT_FOUND') return;
    verdict.fail('Known', `session ${sid} was opened at ${name} at ${opened}; then it was told: ${outcome.message}`);
  }

  async #ask(server: ClusterServer): Promise<void> {
    const before = this.#newest;
    if (!(await server.isCurrent()) || !server.process.isAlive) return;
    const { revision } = server.state;
    if (revision >= before) return;
    const text = `${server.name} is at ${revision}; ${before} was acknowledged before it was asked`;
    this.#scene.verdict.fail('Current', text);
  }

  async #attach(place: Place, server: ClusterServer, sid: number): Promise<void> {
    if (!server.state.sessions.has(sid) || !server.isInTouch) return;
    const fault = await server.replica.adopt(sid);
    if (fault !== undefined || !server.process.isAlive || !server.state.sessions.has(sid) || !server.isInTouch) return;
    const attachment = server.replica.attachments.open(sid);
    this.#held.set(sid, { attachment, place, sinceMs: this.#scene.scheduler.nowMs });
  }
}
