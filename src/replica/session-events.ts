import type { Change, SessionClosed, SessionOpened } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';

/** A session is attached, or is so no more. No change of the state: it is not stored, and a restart forgets it. */
export interface AttachmentEvent {
  readonly kind: 'SessionAttached' | 'SessionDetached';
  readonly sid: number;
}

/** What happens to a session, as its watchers are told. */
export type SessionEvent = SessionOpened | SessionClosed | AttachmentEvent;

/** Who is told of one event at a time. */
export interface SessionEventsDeps {
  /** Milliseconds since 1970. */
  wallMs(): number;
  publish(position: Position, events: readonly SessionEvent[], committedAtMs: number): void;
}

/**
 * One order for what happens to sessions: the revisions of the network that open and close them, and what their attachments do
 * in between. It counts positions of its own, under an epoch that names this process.
 */
export class SessionEvents {
  readonly #deps: SessionEventsDeps;
  #position: Position;

  constructor(epoch: string, deps: SessionEventsDeps) {
    this.#deps = deps;
    this.#position = { epoch, revision: 0 };
  }

  /** Where it stands. */
  get position(): Position {
    return this.#position;
  }

  /** Told of every command that was applied, after the attachments. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'SessionOpened' || change.kind === 'SessionClosed') this.#tell(change);
    }
  }

  /** Told of every attachment that came or went while its session lives. */
  attachment(sid: number, isAttached: boolean): void {
    this.#tell({ kind: isAttached ? 'SessionAttached' : 'SessionDetached', sid });
  }

  #tell(event: SessionEvent): void {
    const { epoch, revision } = this.#position;
    this.#position = { epoch, revision: revision + 1 };
    this.#deps.publish(this.#position, [event], this.#deps.wallMs());
  }
}
