/** A server of the network, as its node stands in the graph. Never changed once it is made. */
export interface NetworkServer {
  readonly sid: number;
  /** In lower case. */
  readonly uuid: string;
  /** What it calls itself; empty of a server that is alone. */
  readonly name: string;
  /** It serves. One that does not has its node for as long as sessions are at home there. */
  readonly isLive: boolean;
}

/** What servers of one network may be called: names of machines, as certificates have them. A longer one would not fit everywhere it is sent to. */
export const SERVER_NAME = /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$/;
/** The same in words. */
export const SERVER_NAME_HAS = '1 to 253 of a-z, A-Z, 0-9, _, . and -, with a letter, a digit or _ first';

/**
 * Servers of one network, the lost ones included whose sessions have not gone elsewhere yet: each applies the whole log, and every
 * two of them have a link to each other.
 */
export const SERVERS_MAX = 256;
