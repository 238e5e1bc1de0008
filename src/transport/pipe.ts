import type { Place } from '../admission/place.js';
import type { Fault } from '../core/model/fault.js';
import type { CertificateClaim } from '../core/model/trust/certificate.js';

/**
 * One open connection of a transport, as the door of system events sees it: packets both ways, whatever carries them.
 *
 * What is written is frames (`length 4 B | packet`, one after the other), because that is how most of it is kept: a
 * transport that keeps messages apart cuts them with {@link packetsOf}.
 */
export interface Pipe {
  /** The address at the other end. */
  readonly remote: string;
  /** The name of the connection that carries it, where one can carry several pipes. */
  readonly connection?: string;
  /** Whether it copies what is written, as encryption does, so that what many pipes are sent is in memory for each. */
  readonly copiesFrames: boolean;
  /** Its place, where the transport has a port of its own. */
  readonly place?: Place | undefined;
  /** What its TLS connection has shown of who is at the other end; absent without a certificate. */
  readonly certificate?: CertificateClaim | undefined;
  /** Bytes that were written and are not gone yet. */
  readonly bufferedBytes: number;
  /** Bytes of a packet whose end has not come. */
  readonly partialBytes: number;
  /** Its client has shown a valid credential, which counts for the connection that carries the pipe among others. */
  vouched?(): void;
  /** Sends frames. `sent` is called when the transport has let them go, and not at all when it is closed before. */
  write(frames: Uint8Array, sent?: () => void): void;
  /** Stops reading, so that the other end feels it. What was read already still comes. */
  pause(): void;
  resume(): void;
  /** Closes once everything that was written is gone. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** Who listens to a pipe. */
export interface Receiver {
  /** A packet came. It is a view that is good until this returns. */
  packet(bytes: Uint8Array): void;
  /** There are no more packets to be told apart. */
  garbled(fault: Fault): void;
  /** So many bytes of a packet wait for its end. */
  partial(bytes: number): void;
  /** The other end says nothing more. It still takes what is said to it, and may wait for an answer. */
  ended(): void;
  /** Nothing that was written waits any more. */
  drained(): void;
  /** The pipe is closed, by whomever. Called once, and nothing after it. */
  closed(): void;
}

/** Takes over a new pipe; undefined: it is refused, and was destroyed. */
export type Accept = (pipe: Pipe) => Receiver | undefined;

/** The packets in a run of whole frames. */
export function* packetsOf(frames: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.length);
  for (let at = 0; at < frames.length; ) {
    const end = at + 4 + view.getUint32(at);
    yield frames.subarray(at + 4, end);
    at = end;
  }
}
