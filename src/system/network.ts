import type { Holdings } from '../base/holdings.js';
import type { Change, SessionClosed } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';
import { Answers } from './conversation/answers.js';
import type { SystemBacking } from './conversation/backing.js';
import type { SystemPeer } from './conversation/peer.js';

/** What one network has of the door of system events: the connections of its sessions, and what they were answered. */
export class SystemNetwork {
  readonly backing: SystemBacking;
  readonly #remembered: Holdings<Answers>;
  readonly #bySession = new Map<number, SystemPeer>();
  readonly #answers = new Map<number, Answers>();

  constructor(backing: SystemBacking, remembered: Holdings<Answers>) {
    this.backing = backing;
    this.#remembered = remembered;
  }

  /** A connection is a session's from now on. */
  entered(peer: SystemPeer, sid: number): void {
    this.#bySession.set(sid, peer);
  }

  /** A connection is gone. */
  left(peer: SystemPeer): void {
    const { sid } = peer.conversation;
    if (sid !== undefined && this.#bySession.get(sid) === peer) this.#bySession.delete(sid);
  }

  /** What was answered to a session's requests. */
  answersOf(sid: number): Answers {
    const known = this.#answers.get(sid);
    if (known !== undefined) return known;
    const answers = new Answers(this.backing.limits, this.#remembered);
    this.#answers.set(sid, answers);
    return answers;
  }

  /** Told of every command that was applied. */
  publish(position: Position, changes: readonly Change[]): void {
    if (this.#bySession.size === 0 && this.#answers.size === 0) return;
    for (const change of changes) {
      if (change.kind === 'StreamPut') {
        for (const { sid } of change.stream.sinks) this.#bySession.get(sid)?.conversation.streamPut(change.stream);
      } else if (change.kind === 'SessionClosed') this.#sessionClosed(change, position);
    }
  }

  /** Forgets all answers: the network is gone. */
  forget(): void {
    for (const answers of this.#answers.values()) this.#remembered.forget(answers);
    this.#answers.clear();
  }

  #sessionClosed({ session, reason }: SessionClosed, position: Position): void {
    const { sid } = session;
    const answers = this.#answers.get(sid);
    if (answers !== undefined) this.#remembered.forget(answers);
    this.#answers.delete(sid);
    const peer = this.#bySession.get(sid);
    this.#bySession.delete(sid);
    peer?.conversation.sessionClosed(session, reason, position);
  }
}
