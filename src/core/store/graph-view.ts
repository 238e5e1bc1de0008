import type { LinkType } from '../model/link.js';
import type { Int32Pages } from './packed/pages.js';

/*
 * The far end of a half-link, 32 bits:
 *
 *   31 30                                                     2 1   0
 *  +--+--------------------------------------------------------+-----+
 *  | 0|                     slot of the node                   | type|     all bits set: a free slot
 *  +--+--------------------------------------------------------+-----+
 */
/** How many bits of a {@link SlotView.far} name the type. */
export const TYPE_BITS = 2;

/** The node slot in a {@link SlotView.far}. */
export function slotOfFar(far: number): number {
  return far >>> TYPE_BITS;
}

/** The link type in a {@link SlotView.far}. */
export function typeOfFar(far: number): LinkType {
  return (far & 3) as LinkType;
}

/**
 * The graph as whoever walks along its links sees it, by slots. The live graph has one that always shows it as it is; a
 * frozen one goes on to show it as it was, so that a walk can rest between two steps while slots are given to other nodes.
 */
export class SlotView {
  constructor(
    private readonly sids: Int32Pages,
    private readonly head: Int32Pages,
    private readonly degrees: Int32Pages,
    private readonly fars: Int32Pages,
    private readonly next: Int32Pages,
  ) {}

  /**
   * The same as it is now, whatever becomes of the graph.
   *
   * Takes one reference a page, a few µs for each hundred thousand nodes; from then on the graph copies a page before it
   * first writes to it. So what a frozen view holds beyond the graph is what was written to since.
   */
  freeze(): SlotView {
    const { sids, head, degrees, fars, next } = this;
    return new SlotView(sids.copy(), head.copy(), degrees.copy(), fars.copy(), next.copy());
  }

  /** The SID of the node in a slot that is in use. */
  sidAt(slot: number): number {
    return this.sids.get(slot);
  }

  /** How many links the node in a slot has. */
  degreeAt(slot: number): number {
    return this.degrees.get(slot);
  }

  /** The first half-link of the node in a slot, or -1. */
  firstHalf(slot: number): number {
    return this.head.get(slot);
  }

  /** The half-link that follows this one in its node's list, or -1. */
  halfAfter(half: number): number {
    return this.next.get(half);
  }

  /** Where a half-link leads to, and its type: one number, so that a search reads one. */
  far(half: number): number {
    return this.fars.get(half);
  }
}
