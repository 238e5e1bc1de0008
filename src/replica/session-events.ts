import type { Change, SessionClosed, SessionOpened } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';

/** A session got an attachment or lost it. Not a change of the state: it is not stored, and a restart forgets it. */
export interface AttachmentEvent {
  readonly kind: 'SessionAttached' | 'SessionDetached';
  readonly sid: number;
}

/** An event of a session, as watchers receive it. */
export type SessionEvent = SessionOpened | SessionClosed | AttachmentEvent;

/** What {@link SessionEvents} needs. */
export interface SessionEventsDeps {
  /** Milliseconds since 1970. */
  wallMs(): number;
  publish(position: Position, events: readonly SessionEvent[], committedAtMs: number): void;
}

/**
 * Puts the events of sessions into one sequence: the revisions that open and close them, and the attachments in between. It
 * has positions of its own, under an epoch that names this process.
 */
export class SessionEvents {
  readonly #deps: SessionEventsDeps;
  #position: Position;

  constructor(epoch: string, deps: SessionEventsDeps) {
    this.#deps = deps;
    this.#position = { epoch, revision: 0 };
  }

  /** The position of the newest event. */
  get position(): Position {
    return this.#position;
  }

  /** Called with the changes of every applied command, after the attachments. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'SessionOpened' || change.kind === 'SessionClosed') this.#tell(change);
    }
  }

  /** Called when an attachment begins or ends while its session lives. */
  attachment(sid: number, isAttached: boolean): void {
    this.#tell({ kind: isAttached ? 'SessionAttached' : 'SessionDetached', sid });
  }

  #tell(event: SessionEvent): void {
    const { epoch, revision } = this.#position;
    this.#position = { epoch, revision: revision + 1 };
    this.#deps.publish(this.#position, [event], this.#deps.wallMs());
  }
}
