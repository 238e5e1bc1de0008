/* What a SID says of the instance behind it, and the words for it. */

/** The kinds of instances that have a name, in the order of the legend. */
export const TYPES = ['server', 'agent', 'client', 'installer', 'other'] as const;
export type InstanceKind = (typeof TYPES)[number];

const TYPE_BITS = 7;

/** The kind of the instance behind a SID: its lowest three bits. */
export function kindOf(sid: number): InstanceKind {
  switch (sid & TYPE_BITS) {
    case 1:
      return 'server';
    case 2:
      return 'agent';
    case 3:
      return 'client';
    case 4:
      return 'installer';
    default:
      return 'other';
  }
}

/** `switchyard.v1.CloseReason`, by number. */
export const CLOSE_REASONS = ['', 'superseded', 'terminated', 'expired', 'server lost', 'revoked'] as const;

/** `switchyard.v1.LinkType`, by number. */
export const LINK_TYPES = ['control', 'tcp', 'udp'] as const;
