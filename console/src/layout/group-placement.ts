/** Between two members of a group, and between the edges of two groups. */
const SEAT_STEP = 17;
const DISC_GAP = 46;
/** Members for which the smallest disc has room; a disc that is full doubles, so that it seldom moves its neighbours. */
const SEATS_MIN = 8;
/** The golden angle, by which seats fill a disc evenly. */
const TURN = 2.399_963;
/** How far the first layout and one of a change go, and what is left of it after a step. */
const ALPHA = { whole: 1, change: 0.4, least: 0.02 } as const;
const COOLING = 0.96;
const GRAVITY = 0.05;
const PULL = 0.12;
/** Rounds that part discs which still lie on each other when all else rests. */
const PART_ROUNDS_MAX = 400;

/** What there is to be placed: the group of each slot (-1: none), and both ends of every link. */
export interface GroupChange {
  readonly groups: Int32Array;
  readonly links: Int32Array;
}

interface Disc {
  readonly id: number;
  x: number;
  y: number;
  radius: number;
  /** Whether it may move: it is new. */
  isFree: boolean;
  /** Seats that have been left, and how many were ever taken. */
  readonly left: number[];
  seats: number;
  members: number;
}

/**
 * Where the nodes of a large graph are: each group on a disc of its own, and the discs beside those that they have links with.
 *
 * Who stands, stands. A member keeps its seat, a disc its place unless one that has grown needs room.
 */
export class GroupPlacement {
  #x = new Float32Array(0);
  #y = new Float32Array(0);
  /** Whether discs have moved since their members were placed. */
  #isMoved = false;
  #groupOf = new Int32Array(0);
  #seatOf = new Int32Array(0);
  readonly #discs = new Map<number, Disc>();
  /** Links between two groups, by `${a} ${b}`. */
  #bundles: { readonly a: Disc; readonly b: Disc; readonly links: number }[] = [];
  #alpha = 0;

  /** Whether there is nothing to move. */
  get isAtRest(): boolean {
    return this.#alpha === 0;
  }

  /** Where each slot is; NaN for none. */
  get x(): Float32Array<ArrayBuffer> {
    if (this.#isMoved) this.#seatAll();
    return this.#x;
  }

  get y(): Float32Array<ArrayBuffer> {
    if (this.#isMoved) this.#seatAll();
    return this.#y;
  }

  /** The discs: number, x, y, radius, and so on. */
  get discs(): Float32Array<ArrayBuffer> {
    return Float32Array.from([...this.#discs.values()].flatMap(({ id, x, y, radius }) => [id, x, y, radius]));
  }

  /** Takes how it is now. */
  change({ groups, links }: GroupChange): void {
    this.#reserve(groups.length);
    const isFirst = this.#discs.size === 0;
    const degree = new Uint32Array(groups.length);
    for (const slot of links) degree[slot]!++;
    const coming: number[] = [];
    for (let slot = 0; slot < this.#groupOf.length; slot++) {
      const group = groups[slot] ?? -1;
      if (group === this.#groupOf[slot]) continue;
      this.#leave(slot);
      if (group >= 0) coming.push(slot);
    }
    // Those with most links in the middle.
    coming.sort((one, other) => degree[other]! - degree[one]! || one - other);
    const isGrown = coming.map((slot) => this.#enter(slot, groups[slot]!)).some((grew) => grew);
    for (const [id, { members }] of this.#discs) if (members === 0) this.#discs.delete(id);
    this.#bundle(links);
    if (isFirst) this.#spread();
    else for (const disc of this.#discs.values()) if (Number.isNaN(disc.x)) this.#placeNew(disc);
    if (isGrown) this.#alpha = Math.max(this.#alpha, isFirst ? ALPHA.whole : ALPHA.change);
    this.#isMoved = true;
  }

  /** Lays everything out anew. */
  anew(): void {
    for (const disc of this.#discs.values()) disc.isFree = true;
    this.#spread();
    this.#alpha = ALPHA.whole;
    this.#isMoved = true;
  }

  /** One step. Answers whether there is another. */
  step(): boolean {
    if (this.#alpha === 0) return false;
    this.#pull();
    this.#part();
    this.#alpha *= COOLING;
    if (this.#alpha < ALPHA.least) {
      for (let round = 0; round < PART_ROUNDS_MAX && this.#part(); round++);
      this.#alpha = 0;
      for (const disc of this.#discs.values()) disc.isFree = false;
    }
    this.#isMoved = true;
    return this.#alpha > 0;
  }

  #enter(slot: number, id: number): boolean {
    let disc = this.#discs.get(id);
    const isNew = disc === undefined;
    if (disc === undefined) {
      disc = { id, x: Number.NaN, y: Number.NaN, radius: 0, isFree: true, left: [], seats: 0, members: 0 };
      this.#discs.set(id, disc);
    }
    this.#groupOf[slot] = id;
    this.#seatOf[slot] = disc.left.pop() ?? disc.seats++;
    disc.members++;
    const room = SEATS_MIN * 2 ** Math.ceil(Math.log2(Math.max(1, disc.seats / SEATS_MIN)));
    const radius = SEAT_STEP * (Math.sqrt(room) + 0.5);
    const isGrown = radius > disc.radius;
    disc.radius = Math.max(disc.radius, radius);
    return isNew || isGrown;
  }

  #leave(slot: number): void {
    const disc = this.#discs.get(this.#groupOf[slot]!);
    this.#groupOf[slot] = -1;
    this.#x[slot] = Number.NaN;
    this.#y[slot] = Number.NaN;
    if (disc === undefined) return;
    disc.left.push(this.#seatOf[slot]!);
    disc.members--;
  }

  #bundle(links: Int32Array): void {
    const counts = new Map<string, { a: Disc; b: Disc; links: number }>();
    for (let at = 0; at < links.length; at += 2) {
      const [one, other] = [this.#groupOf[links[at]!]!, this.#groupOf[links[at + 1]!]!];
      if (one === other || one < 0 || other < 0) continue;
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      const [a, b] = [this.#discs.get(low), this.#discs.get(high)];
      if (a === undefined || b === undefined) continue;
      const bundle = counts.get(`${low} ${high}`) ?? { a, b, links: 0 };
      bundle.links++;
      counts.set(`${low} ${high}`, bundle);
    }
    this.#bundles = [...counts.values()];
  }

  /** The largest in the middle, the others around it. */
  #spread(): void {
    const sorted = [...this.#discs.values()].sort((one, other) => other.radius - one.radius || one.id - other.id);
    let area = 0;
    sorted.forEach((disc, at) => {
      const away = at === 0 ? 0 : Math.sqrt(area) * 1.1 + disc.radius;
      disc.x = away * Math.cos(at * TURN);
      disc.y = away * Math.sin(at * TURN);
      area += (disc.radius + DISC_GAP / 2) ** 2;
    });
  }

  /** Beside those that it has links with; otherwise outside. */
  #placeNew(disc: Disc): void {
    const peers = this.#bundles.flatMap(({ a, b }) => (a === disc ? [b] : b === disc ? [a] : []));
    const there = peers.filter(({ x }) => !Number.isNaN(x));
    const others = [...this.#discs.values()].filter(({ x }) => !Number.isNaN(x));
    const reach = others.reduce((most, { x, y, radius }) => Math.max(most, Math.hypot(x, y) + radius), 0);
    const [mx, my] = [mean(there.map(({ x }) => x)), mean(there.map(({ y }) => y))];
    const angle = there.length > 0 && Math.hypot(mx, my) > 1 ? Math.atan2(my, mx) : disc.id * TURN;
    disc.x = (reach + disc.radius + DISC_GAP) * Math.cos(angle);
    disc.y = (reach + disc.radius + DISC_GAP) * Math.sin(angle);
  }

  /** New discs go to the middle, and to those that they have links with. */
  #pull(): void {
    for (const disc of this.#discs.values()) {
      if (!disc.isFree) continue;
      disc.x -= disc.x * GRAVITY * this.#alpha;
      disc.y -= disc.y * GRAVITY * this.#alpha;
    }
    for (const { a, b, links } of this.#bundles) {
      const dx = b.x - a.x;
      const dy = b.y - a.y;
      const length = Math.sqrt(dx * dx + dy * dy) || 1;
      const over = Math.max(0, length - a.radius - b.radius - DISC_GAP);
      const by = (over / length) * PULL * this.#alpha * Math.min(1, Math.log10(1 + links) / 2);
      if (a.isFree) {
        a.x += dx * by;
        a.y += dy * by;
      }
      if (b.isFree) {
        b.x -= dx * by;
        b.y -= dy * by;
      }
    }
  }

  /** Parts discs that lie on each other; one that is new gives way to one that stands. Answers whether some did. */
  #part(): boolean {
    const all = [...this.#discs.values()];
    let isParted = false;
    for (let i = 0; i < all.length; i++) {
      for (let j = i + 1; j < all.length; j++) {
        const a = all[i]!;
        const b = all[j]!;
        const dx = b.x - a.x || 0.01 * (a.id + 1);
        const dy = b.y - a.y || 0.01;
        // Less than half a unit is not seen, and would never end.
        const apart = a.radius + b.radius + DISC_GAP - 0.5;
        if (dx * dx + dy * dy > apart * apart) continue;
        isParted = true;
        const share = a.isFree === b.isFree ? 0.5 : a.isFree ? 1 : 0;
        const length = Math.sqrt(dx * dx + dy * dy);
        const by = (apart + 0.5 - length) / length;
        a.x -= dx * by * share;
        a.y -= dy * by * share;
        b.x += dx * by * (1 - share);
        b.y += dy * by * (1 - share);
      }
    }
    return isParted;
  }

  #seatAll(): void {
    this.#isMoved = false;
    for (let slot = 0; slot < this.#groupOf.length; slot++) {
      const disc = this.#discs.get(this.#groupOf[slot]!);
      if (disc === undefined) continue;
      const seat = this.#seatOf[slot]!;
      const away = SEAT_STEP * Math.sqrt(seat + 0.25);
      this.#x[slot] = disc.x + away * Math.cos(seat * TURN);
      this.#y[slot] = disc.y + away * Math.sin(seat * TURN);
    }
  }

  #reserve(slots: number): void {
    const before = this.#x.length;
    if (slots <= before) return;
    const size = 2 ** Math.ceil(Math.log2(Math.max(64, slots)));
    const [x, y] = [new Float32Array(size).fill(Number.NaN), new Float32Array(size).fill(Number.NaN)];
    const [groupOf, seatOf] = [new Int32Array(size).fill(-1), new Int32Array(size)];
    x.set(this.#x);
    y.set(this.#y);
    groupOf.set(this.#groupOf);
    seatOf.set(this.#seatOf);
    [this.#x, this.#y, this.#groupOf, this.#seatOf] = [x, y, groupOf, seatOf];
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
}
