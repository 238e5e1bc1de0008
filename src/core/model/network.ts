/** The network that every server has, and that calls are about which name none. */
export const DEFAULT_NETWORK = 'default';

/** A network of a server, as its parts know it. */
export interface NetworkRef {
  /** Its number on this server: 0 is the default one's. A number is never given twice. */
  readonly number: number;
  readonly name: string;
  /** Another name by which calls may name it: the one that it has in a log of several servers. */
  readonly alias?: string | undefined;
}

/** The network that every server has. */
export const DEFAULT_NETWORK_REF: NetworkRef = { number: 0, name: DEFAULT_NETWORK };

/** What the name of a network may be, wherever one is named: what a server could have and no client could name would be lost to all. */
export const NETWORK_NAME = /^[a-z0-9-]{1,32}$/;
/** As an expression that is part of another one. */
export const NETWORK_NAME_PART = NETWORK_NAME.source.slice(1, -1);
/** The same in words. */
export const NETWORK_NAME_HAS = '1 to 32 of a-z, 0-9 and -';
export const NETWORK_NAME_RULE = `a name of a network has ${NETWORK_NAME_HAS}`;

/** All the names by which calls may name a network, its own first. */
export function namesOf({ name, alias }: NetworkRef): readonly string[] {
  return alias === undefined ? [name] : [name, alias];
}
