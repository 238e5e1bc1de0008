import type { ConnectOptions } from '../../src/client/index.js';
import type { Transport } from './cell.js';

/** Whether and when a connection goes through the server. */
export type Fallback = NonNullable<ConnectOptions['fallback']>;

/** What an instance of the test network is told to do. Each is answered with an {@link Outcome} of the same id. */
export type Told = { readonly id: number } & (
  | {
      /**
       * Connect, let bytes go both ways, and end it once it is direct or two attempts have failed; not `settles`, at once. With
       * `hold` it stays, and a second outcome tells how it ended.
       */
      readonly what: 'connect';
      readonly to: number;
      readonly transport: Transport;
      readonly hold: boolean;
      readonly settles: boolean;
      readonly fallback: Fallback;
    }
  | {
      /** Connect, send so many bytes, and end it when all have come. `stays`: it goes through the server, all of it. */
      readonly what: 'copy';
      readonly to: number;
      readonly transport: Transport;
      readonly bytes: number;
      readonly stays: boolean;
    }
  | {
      /** Send so many bytes on the connection that was held as `held`, and compare what the other end says back. */
      readonly what: 'talk';
      readonly held: number;
      readonly bytes: number;
    }
  | {
      /** Wait until the graph has a link to the other end, or (not `present`) has none. */
      readonly what: 'link';
      readonly to: number;
      readonly transport: Transport;
      readonly present: boolean;
    }
  | {
      /** Wait until both ends of the first connection in the record try to reach each other. */
      readonly what: 'punching';
    }
  | {
      /** Ask for a connection with candidates of one's own making. */
      readonly what: 'claim';
      readonly to: number;
      readonly hosts: readonly string[];
    }
);

/** What came of it. */
export interface Outcome {
  readonly id: number;
  readonly path?: 'direct' | 'relayed';
  /** Until it was direct, of a connection that was not from the start. */
  readonly movedMs?: number;
  /** Until bytes had gone both ways; of a copy, from its first byte to the word that all have come. */
  readonly tookMs?: number;
  readonly connectionId?: string;
  /** Of a held connection: every path that it has moved to since it was made. */
  readonly paths?: readonly string[];
  /** Why it did not come to that. */
  readonly error?: string | undefined;
  /** How a connection that was held has ended. */
  readonly ended?: string;
}
