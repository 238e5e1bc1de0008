import { type HashKey, halfSipHash } from './packed/halfsiphash.js';

/** At a million sessions 4,096 in each: what growing one takes is not noticed. */
const SHARDS = 256;
const FIRST_CAPACITY = 8;
const WORDS = 2;

/** A hash table with linear probing: pairs of a hash and a slot, plus 1; 0 where a pair is free. */
interface Shard {
  pairs: Int32Array;
  used: number;
}

/**
 * Finds the slot of a session by the UUID of its instance.
 *
 * Many small tables of numbers: nothing for V8 to walk through, and no table so large that growing it would hold up the
 * event loop. The UUIDs themselves stay where the sessions are.
 */
export class Instances {
  private readonly shards: (Shard | undefined)[] = new Array(SHARDS).fill(undefined);
  /** The UUID that was hashed last, and its hash: one command looks for the same instance several times. */
  private hashed: string | undefined;
  private hash = 0;

  constructor(
    private readonly key: HashKey,
    /** Whether the session in a slot is of this instance. */
    private readonly isOf: (slot: number, uuid: string) => boolean,
  ) {}

  /** The slot of an instance's session, or -1. */
  get(uuid: string): number {
    const hash = this.hashOf(uuid);
    const shard = this.shards[hash & (SHARDS - 1)];
    if (shard === undefined) return -1;
    const at = this.find(shard, hash, uuid);
    return at === -1 ? -1 : shard.pairs[at + 1] - 1;
  }

  /** The session of an instance that had none is in this slot. */
  add(uuid: string, slot: number): void {
    const hash = this.hashOf(uuid);
    const shard = (this.shards[hash & (SHARDS - 1)] ??= { pairs: new Int32Array(WORDS * FIRST_CAPACITY), used: 0 });
    if (WORDS * (shard.used + 1) > (shard.pairs.length * 3) / 4) grow(shard);
    insert(shard.pairs, hash, slot + 1);
    shard.used++;
  }

  /** The instance, which has a session, has none any more. That session is still in its slot. */
  delete(uuid: string): void {
    const hash = this.hashOf(uuid);
    const shard = this.shards[hash & (SHARDS - 1)]!;
    close(shard.pairs, this.find(shard, hash, uuid));
    shard.used--;
  }

  private hashOf(uuid: string): number {
    if (uuid === this.hashed) return this.hash;
    this.hash = halfSipHash(this.key, uuid);
    this.hashed = uuid;
    return this.hash;
  }

  private find({ pairs }: Shard, hash: number, uuid: string): number {
    for (let at = home(pairs, hash); pairs[at + 1] !== 0; at = after(pairs, at)) {
      if (pairs[at] === hash && this.isOf(pairs[at + 1] - 1, uuid)) return at;
    }
    return -1;
  }
}

/** Where a hash stands if nothing else does. The shard has taken its lowest bits. */
function home(pairs: Int32Array, hash: number): number {
  return (WORDS * (hash >>> 8)) & (pairs.length - 1);
}

function after(pairs: Int32Array, at: number): number {
  return (at + WORDS) & (pairs.length - 1);
}

function insert(pairs: Int32Array, hash: number, value: number): void {
  let at = home(pairs, hash);
  while (pairs[at + 1] !== 0) at = after(pairs, at);
  pairs[at] = hash;
  pairs[at + 1] = value;
}

function grow(shard: Shard): void {
  const { pairs } = shard;
  const larger = new Int32Array(2 * pairs.length);
  for (let at = 0; at < pairs.length; at += WORDS) {
    if (pairs[at + 1] !== 0) insert(larger, pairs[at], pairs[at + 1]);
  }
  shard.pairs = larger;
}

/** Frees a place, and moves up whatever would not be found any more over the gap. */
function close(pairs: Int32Array, freed: number): void {
  const mask = pairs.length - 1;
  let gap = freed;
  for (let at = after(pairs, gap); pairs[at + 1] !== 0; at = after(pairs, at)) {
    const fromHome = (at - home(pairs, pairs[at])) & mask;
    if (fromHome < ((at - gap) & mask)) continue;
    pairs[gap] = pairs[at];
    pairs[gap + 1] = pairs[at + 1];
    gap = at;
  }
  pairs[gap + 1] = 0;
}
