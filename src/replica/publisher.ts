import type { Change } from '../core/model/change.js';
import type { Position } from '../core/model/position.js';

/** Who is told of every command that was applied. */
export interface Publisher {
  /** `committedAtMs` is when the revision was committed, by the wall clock; watchers receive it, and it is not part of the state. */
  publish(position: Position, changes: readonly Change[], committedAtMs?: number): void;
}
