/*
 * Places nodes so that those with a link between them are near each other: springs along links, and repulsion between all
 * nodes, which a quadtree sums up for what is far away (Barnes and Hut, Nature 324, 1986). The steps are those of d3-force,
 * over typed arrays.
 */

/** What the layout is made by: lengths are in units of the picture, forces in those of a step. */
const LINK_LENGTH = 46;
const REPULSION = 210;
/** How far a part of the tree may be away, by its width, to count as one node. */
const THETA2 = 0.81;
const GRAVITY = 0.035;
const FRICTION = 0.6;
/** No step moves a node by more: two that lie on each other would fly apart. */
const STEP_MAX = 60;
/** Levels of the tree: beyond, two nodes lie on one place. */
const DEPTH_MAX = 24;

/** The nodes of one layout and where they are, by slot. */
export class Forces {
  x = new Float32Array(0);
  y = new Float32Array(0);
  /** Whether a node takes part at all: it has a link. */
  used = new Uint8Array(0);
  /** Whether it may move. */
  free = new Uint8Array(0);
  degree = new Uint16Array(0);
  /** Slots of both ends of each link, one after the other. */
  links: Int32Array = new Int32Array(0);
  #vx = new Float32Array(0);
  #vy = new Float32Array(0);
  readonly #tree = new Quadtree();

  /** Makes room for so many slots. What is there stays. */
  reserve(slots: number): void {
    if (slots <= this.x.length) return;
    const size = 2 ** Math.ceil(Math.log2(Math.max(64, slots)));
    this.x = grown(this.x, new Float32Array(size));
    this.y = grown(this.y, new Float32Array(size));
    this.#vx = grown(this.#vx, new Float32Array(size));
    this.#vy = grown(this.#vy, new Float32Array(size));
    this.used = grown(this.used, new Uint8Array(size));
    this.free = grown(this.free, new Uint8Array(size));
    this.degree = grown(this.degree, new Uint16Array(size));
  }

  /** One step. `alpha` is how far nodes go, and shrinks from 1 to 0. Answers with how far the one that moved most did. */
  step(alpha: number): number {
    this.#tree.build(this.x, this.y, this.used);
    this.#pull(alpha);
    let most = 0;
    for (let slot = 0; slot < this.used.length; slot++) {
      if (this.used[slot] === 0 || this.free[slot] === 0) continue;
      most = Math.max(most, this.#move(slot, alpha));
    }
    return most;
  }

  /** A node stands still. */
  halt(slot: number): void {
    this.#vx[slot] = 0;
    this.#vy[slot] = 0;
  }

  #move(slot: number, alpha: number): number {
    const [px, py] = this.#tree.push(this.x[slot]!, this.y[slot]!, slot);
    const gravity = GRAVITY * alpha;
    let vx = (this.#vx[slot]! + px * REPULSION * alpha - this.x[slot]! * gravity) * FRICTION;
    let vy = (this.#vy[slot]! + py * REPULSION * alpha - this.y[slot]! * gravity) * FRICTION;
    const length = Math.hypot(vx, vy);
    if (length > STEP_MAX) {
      vx *= STEP_MAX / length;
      vy *= STEP_MAX / length;
    }
    this.#vx[slot] = vx;
    this.#vy[slot] = vy;
    this.x[slot]! += vx;
    this.y[slot]! += vy;
    return Math.min(length, STEP_MAX);
  }

  /** Springs: the end with fewer links moves more, so that a gateway stands while its leaves come. */
  #pull(alpha: number): void {
    const { links, x, y, degree, free } = this;
    for (let at = 0; at < links.length; at += 2) {
      const [a, b] = [links[at]!, links[at + 1]!];
      if (free[a] === 0 && free[b] === 0) continue;
      const dx = x[b]! + this.#vx[b]! - x[a]! - this.#vx[a]! || jiggle(a);
      const dy = y[b]! + this.#vy[b]! - y[a]! - this.#vy[a]! || jiggle(b);
      const length = Math.hypot(dx, dy);
      const fewer = Math.min(degree[a]!, degree[b]!) || 1;
      const force = (((length - LINK_LENGTH) / length) * alpha) / fewer;
      const share = degree[a]! / (degree[a]! + degree[b]! || 1);
      if (free[b] === 1) {
        this.#vx[b]! -= dx * force * share;
        this.#vy[b]! -= dy * force * share;
      }
      if (free[a] === 1) {
        this.#vx[a]! += dx * force * (1 - share);
        this.#vy[a]! += dy * force * (1 - share);
      }
    }
  }
}

/** A tree of squares over the nodes, each with how many are in it and their centre. */
class Quadtree {
  /** Four children of each square: 0 none, > 0 a square, < 0 the node ~child. */
  #children = new Int32Array(4 * 1_024);
  #mass = new Float32Array(1_024);
  #cx = new Float32Array(1_024);
  #cy = new Float32Array(1_024);
  #count = 1;
  #x0 = 0;
  #y0 = 0;
  #size = 1;
  #x = new Float32Array(0);
  #y = new Float32Array(0);
  readonly #push: [number, number] = [0, 0];
  readonly #stackSquare = new Int32Array(4 * DEPTH_MAX + 8);
  readonly #stackSize = new Float64Array(4 * DEPTH_MAX + 8);

  build(x: Float32Array<ArrayBuffer>, y: Float32Array<ArrayBuffer>, used: Uint8Array): void {
    this.#x = x;
    this.#y = y;
    let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1e9, -1e9];
    for (let slot = 0; slot < used.length; slot++) {
      if (used[slot] === 0) continue;
      left = Math.min(left, x[slot]!);
      top = Math.min(top, y[slot]!);
      right = Math.max(right, x[slot]!);
      bottom = Math.max(bottom, y[slot]!);
    }
    this.#x0 = left;
    this.#y0 = top;
    this.#size = Math.max(right - left, bottom - top, 1) * 1.001;
    this.#count = 0;
    this.#square();
    for (let slot = 0; slot < used.length; slot++) if (used[slot] === 1) this.#insert(slot);
    this.#sum();
  }

  /** How strongly all nodes but one push something at a place, by the square of the distance. */
  push(x: number, y: number, self: number): readonly [number, number] {
    let [px, py] = [0, 0];
    let top = 0;
    this.#stackSquare[0] = 0;
    this.#stackSize[0] = this.#size;
    while (top >= 0) {
      const square = this.#stackSquare[top]!;
      const size = this.#stackSize[top--]!;
      for (let quarter = 0; quarter < 4; quarter++) {
        const child = this.#children[4 * square + quarter]!;
        if (child === 0) continue;
        const isNode = child < 0;
        if (isNode && ~child === self) continue;
        const dx = x - (isNode ? this.#x[~child]! : this.#cx[child]!);
        const dy = y - (isNode ? this.#y[~child]! : this.#cy[child]!);
        const d2 = dx * dx + dy * dy;
        const half = size / 2;
        if (isNode || half * half < THETA2 * d2) {
          const mass = isNode ? 1 : this.#mass[child]!;
          const near = Math.max(d2, 1);
          px += ((d2 === 0 ? jiggle(self) : dx) * mass) / near;
          py += ((d2 === 0 ? jiggle(self + 1) : dy) * mass) / near;
        } else {
          this.#stackSquare[++top] = child;
          this.#stackSize[top] = half;
        }
      }
    }
    this.#push[0] = px;
    this.#push[1] = py;
    return this.#push;
  }

  #square(): number {
    if (this.#count === this.#mass.length) this.#grow();
    this.#children.fill(0, 4 * this.#count, 4 * this.#count + 4);
    return this.#count++;
  }

  #insert(slot: number): void {
    let [square, x0, y0, half] = [0, this.#x0, this.#y0, this.#size / 2];
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      const isRight = this.#x[slot]! >= x0 + half;
      const isLower = this.#y[slot]! >= y0 + half;
      const at = 4 * square + (isRight ? 1 : 0) + (isLower ? 2 : 0);
      const there = this.#children[at]!;
      if (there === 0) {
        this.#children[at] = ~slot;
        return;
      }
      if (isRight) x0 += half;
      if (isLower) y0 += half;
      half /= 2;
      if (there > 0) square = there;
      else {
        const made = this.#square();
        this.#children[at] = made;
        this.#place(~there, made, x0, y0, half);
        square = made;
      }
    }
    // As near as numbers go: it counts with the other, which is good enough for a force.
  }

  #place(slot: number, square: number, x0: number, y0: number, half: number): void {
    const quarter = (this.#x[slot]! >= x0 + half ? 1 : 0) + (this.#y[slot]! >= y0 + half ? 2 : 0);
    this.#children[4 * square + quarter] = ~slot;
  }

  /** Squares are made before those in them, so from the last to the first every child is summed before its square. */
  #sum(): void {
    for (let square = this.#count - 1; square >= 0; square--) {
      let [mass, sx, sy] = [0, 0, 0];
      for (let quarter = 0; quarter < 4; quarter++) {
        const child = this.#children[4 * square + quarter]!;
        if (child === 0) continue;
        const weight = child < 0 ? 1 : this.#mass[child]!;
        mass += weight;
        sx += weight * (child < 0 ? this.#x[~child]! : this.#cx[child]!);
        sy += weight * (child < 0 ? this.#y[~child]! : this.#cy[child]!);
      }
      this.#mass[square] = mass;
      this.#cx[square] = sx / (mass || 1);
      this.#cy[square] = sy / (mass || 1);
    }
  }

  #grow(): void {
    const size = 2 * this.#mass.length;
    this.#children = grown(this.#children, new Int32Array(4 * size));
    this.#mass = grown(this.#mass, new Float32Array(size));
    this.#cx = grown(this.#cx, new Float32Array(size));
    this.#cy = grown(this.#cy, new Float32Array(size));
  }
}

/** Something small that is never 0, the same for the same slot. */
function jiggle(slot: number): number {
  return (((slot * 2_654_435_761) >>> 8) % 1_000) / 1e6 - 0.000_5001;
}

function grown<Values extends { set(values: Values): void }>(from: Values, to: Values): Values {
  to.set(from);
  return to;
}
