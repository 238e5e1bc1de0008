import type { Http2Session, Http2Stream } from 'node:http2';

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
 * The open streams of a session by their number, in place of a Map.
 *
 * A Map whose entries come and go makes a new table again and again, and each former table refers to the next for the sake of its
 * iterators. Once one of them is in V8's old generation, dead or not, collections of the young generation keep all later ones, with the
 * streams that were in them and the calls of these. With a hundred calls at once they copied most of the calls that were over, for
 * 10 to 40 ms each time. What an object leaves behind as it grows refers to nothing that came later.
 */
export class StreamTable implements Streams {
  readonly #streams: Record<number, Http2Stream> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Http2Stream | undefined {
    return this.#streams[id];
  }

  set(id: number, stream: Http2Stream): void {
    if (!(id in this.#streams)) this.#size++;
    this.#streams[id] = stream;
  }

  delete(id: number): boolean {
    if (!(id in this.#streams)) return false;
    this.#size--;
    return Reflect.deleteProperty(this.#streams, id);
  }

  /** In the order of their numbers; without those that are deleted meanwhile. */
  forEach(call: (stream: Http2Stream) => void): void {
    for (const id in this.#streams) call(this.#streams[id]);
  }
}

/**
 * Lets a session that begins keep its streams in a {@link StreamTable}. False: it is not one of node's, or this version keeps them
 * elsewhere, and they stay where they are.
 */
export function tableStreams(session: Http2Session): boolean {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  if (symbol === undefined) return false;
  const state = (session as unknown as Record<symbol, SessionState | undefined>)[symbol];
  if (state?.streams?.size !== 0) return false;
  state.streams = new StreamTable();
  return true;
}
