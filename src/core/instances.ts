import type { Session } from './change.js';

/** At a million sessions 4,096 in each. */
const SHARDS = 256;

/**
 * The live sessions by the UUID of their instance.
 *
 * Many small maps, because a map is hashed again as a whole when it grows: one for a million sessions holds up the event
 * loop for a tenth of a second each time that it doubles.
 */
export class Instances {
  private readonly shards: (Map<string, Session> | undefined)[] = new Array(SHARDS).fill(undefined);
  private sessions = 0;

  /** How many sessions live. */
  get count(): number {
    return this.sessions;
  }

  get(uuid: string): Session | undefined {
    return this.shards[shardOf(uuid)]?.get(uuid);
  }

  /** The session of this instance is this one. */
  set(uuid: string, session: Session): void {
    const shard = (this.shards[shardOf(uuid)] ??= new Map());
    this.sessions -= shard.size;
    shard.set(uuid, session);
    this.sessions += shard.size;
  }

  /** The instance has no session any more. */
  delete(uuid: string): void {
    if (this.shards[shardOf(uuid)]?.delete(uuid)) this.sessions--;
  }
}

/** FNV-1a over both ends of it: whatever the version, one of them differs from one instance to the next. */
function shardOf(uuid: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < 8; at++) hash = Math.imul(hash ^ uuid.charCodeAt(at), 0x01000193);
  for (let at = 28; at < 36; at++) hash = Math.imul(hash ^ uuid.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 16)) & (SHARDS - 1);
}
