import type { Change } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';
import type { Capture } from '../core/store/snapshot.js';
import type { StateView } from '../core/store/state-view.js';
import type { Touch } from './touches.js';

/**
 * How one kind of watch becomes bytes: the only thing in which feeds differ.
 *
 * A door writes one for each message type it sends, so that the feed itself knows no wire format. All messages of a topic
 * must be concatenable: two DELTA messages one after the other are the DELTA message with the changes of both and the
 * position of the second.
 *
 * `C` is what happens: changes of the network's state, for nearly all.
 */
export interface Topic<C = Change> {
  /** For metrics and errors: `network`, `closed`, `streams`. */
  readonly name: string;
  /** One revision's DELTA message; undefined when it does not belong to the topic. */
  encode(position: Position, changes: readonly C[]): Uint8Array | undefined;
  /**
   * An upper bound of that message's bytes, found without encoding it. Counting stops beyond `bytesMax`: a message that is too
   * large to be sent is not encoded either.
   */
  size(changes: readonly C[], bytesMax: number): number;
  /** What the revision touched, for watchers that named their nodes. */
  touches(changes: readonly C[]): Touch[];
  /**
   * The part of one or several encoded messages that touches SIDs which `keeps` accepts, as one message; undefined when
   * no part does.
   */
  filter(message: Uint8Array, keeps: (sid: number) => boolean): Uint8Array | undefined;
  /** `committedAtMs` is when the position was committed, by the wall clock; undefined: before this process began. */
  bookmark(position: Position, committedAtMs?: number): Uint8Array;
  reset(position: Position): Uint8Array;
  /** Absent: a new watch begins at the present, with a bookmark. */
  readonly snapshot?: SnapshotEncoder;
  /**
   * One DELTA message with the net effect of these touches on a reader, at the state's position; undefined, found without
   * encoding it, when it would have more than `bytesMax`. Absent: a topic that cannot be coalesced.
   */
  net?(state: StateView, touches: Iterable<Touch>, bytesMax: number): Uint8Array | undefined;
}

/** How the snapshot of a topic becomes bytes. */
export interface SnapshotEncoder {
  /** The SNAPSHOT messages, one at a time: each is made when it is asked for, and small enough not to stop the loop. */
  chunks(taken: Capture): Iterator<Uint8Array>;
  /** The message that ends the snapshot. */
  end(position: Position): Uint8Array;
}
