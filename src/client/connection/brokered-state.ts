/**
 * Where one end of a brokered connection stands.
 *
 * - `making`: there is no stream yet.
 * - `standing`: the stream was handed out, and the server was told.
 * - `parted`: the server says that it is over; the stream ends by itself, and nothing more is reported.
 * - `over`: there is nothing left of it, or the server knows that nothing will come of it.
 */
export type BrokeredState = 'making' | 'standing' | 'parted' | 'over';

/**
 * What can happen to it.
 *
 * - `handOut`: there is a stream.
 * - `part`: the server says that the connection is over.
 * - `end`: the stream has closed, or it was given up.
 */
export type BrokeredEvent = (typeof EVENTS)[number];

const EVENTS = ['handOut', 'part', 'end'] as const;

type Cell = BrokeredState | '·';

/** Every state × every event; `·` stays where it is. What leads from `making` or `standing` to `over` is reported once. */
// biome-ignore format: a table is read by its columns.
const TABLE: Readonly<Record<BrokeredState, readonly [Cell, Cell, Cell]>> = {
  //         handOut     part      end
  making:   ['standing', 'over',   'over'],
  standing: ['·',        'parted', 'over'],
  parted:   ['·',        '·',      'over'],
  over:     ['·',        '·',      '·'],
};

/** Where an event leads from a state. */
export function nextBrokered(state: BrokeredState, event: BrokeredEvent): BrokeredState {
  const cell = TABLE[state][EVENTS.indexOf(event)];
  return cell === '·' ? state : cell;
}

/**
 * What was done with the sockets that were opened with a connection. What was observed of them is true for one attempt.
 *
 * - `fresh`: nothing.
 * - `taken`: the first try for a direct path beside the relay has them.
 * - `punched`: an attempt was ordered before the relay was.
 * - `closed`: they were given back unused.
 */
export type SocketsState = 'fresh' | 'taken' | 'punched' | 'closed';

/** What can happen to them. */
export type SocketsEvent = (typeof SOCKETS_EVENTS)[number];

const SOCKETS_EVENTS = ['take', 'punch', 'close'] as const;

// biome-ignore format: a table is read by its columns.
const SOCKETS_TABLE: Readonly<Record<SocketsState, readonly [SocketsState | '·', SocketsState | '·', SocketsState | '·']>> = {
  //        take     punch      close
  fresh:   ['taken', 'punched', 'closed'],
  taken:   ['·',     'punched', '·'],
  punched: ['·',     '·',       '·'],
  closed:  ['·',     'punched', '·'],
};

/** Where an event leads the sockets. */
export function nextSockets(state: SocketsState, event: SocketsEvent): SocketsState {
  const cell = SOCKETS_TABLE[state][SOCKETS_EVENTS.indexOf(event)];
  return cell === '·' ? state : cell;
}
