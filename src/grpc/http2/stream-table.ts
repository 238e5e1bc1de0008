import type { Http2Session, Http2Stream } from 'node:http2';
import { EntryTable } from '../../base/entry-table.js';

/** What node:http2 uses of the Map in which a session keeps its streams. */
interface Streams {
  readonly size: number;
  get(id: number): Http2Stream | undefined;
  set(id: number, stream: Http2Stream): unknown;
  delete(id: number): boolean;
  forEach(call: (stream: Http2Stream) => void): void;
}

/** What node:http2 knows of a session, as far as it matters here. */
interface SessionState {
  streams?: Streams;
}

/**
 * Lets a session that begins keep its streams in an {@link EntryTable}. False: it is not one of node's, or this version keeps them
 * elsewhere, and they stay where they are.
 */
export function tableStreams(session: Http2Session): boolean {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  if (symbol === undefined) return false;
  const state = (session as unknown as Record<symbol, SessionState | undefined>)[symbol];
  if (state?.streams?.size !== 0) return false;
  state.streams = new EntryTable<Http2Stream>();
  return true;
}
