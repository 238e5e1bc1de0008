/** What a link carries. The numbers are those of `switchyard.v1.LinkType`. */
export const LinkType = { CONTROL_TCP: 0, TRANSPORT_TCP: 1, TRANSPORT_UDP: 2 } as const;
/** One of the numbers of {@link LinkType}. */
export type LinkType = (typeof LinkType)[keyof typeof LinkType];

/** A link, its lower SID first: the one spelling that an undirected link has. */
export interface Link {
  readonly a: number;
  readonly b: number;
  readonly link: LinkType;
}

/** The one spelling of a link between two nodes. */
export function orderedLink(one: number, other: number, link: LinkType): Link {
  return one < other ? { a: one, b: other, link } : { a: other, b: one, link };
}

/** The order in which links are listed: by lower end, by higher end, by type. */
export function compareLinks(x: Link, y: Link): number {
  return x.a - y.a || x.b - y.b || x.link - y.link;
}

/** One end's report of a link that the other end has not reported yet. */
export interface LinkReport {
  /** Who reports it. */
  readonly sid: number;
  readonly peer: number;
  readonly link: LinkType;
}
