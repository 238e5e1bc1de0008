/** What a frame of a connection is; its number is how it is written, on every kind of path. */
export const CarrierFrameKind = {
  /** Bytes of the connection. */
  DATA: 0,
  /** The sender's bytes go on on the direct path that attempt number so-and-so (4 B) has found. Only on the relay. */
  MOVED: 1,
  /** A sign of life. Only on a direct path; the relay's calls have their own. */
  ALIVE: 2,
  /** The sender's bytes are complete. Not in `relay_version` 1, where the end of the call says it. */
  END: 3,
  /** The sender's reader has taken so many bytes more, which the peer may send again. Not in `relay_version` 1. */
  TAKEN: 4,
} as const;
/** One of the numbers of {@link CarrierFrameKind}. */
export type CarrierFrameKind = (typeof CarrierFrameKind)[keyof typeof CarrierFrameKind];

/** What a carrier hands out. DATA may come in other pieces than it was sent in. */
export interface Frame {
  readonly kind: typeof CarrierFrameKind.DATA | typeof CarrierFrameKind.MOVED;
  readonly bytes: Buffer;
}

/** Bytes of the connection, as a direct path carries them. */
export interface DataFrame extends Frame {
  readonly kind: typeof CarrierFrameKind.DATA;
}

/**
 * A way that the bytes of a connection go: directly, or through the server. Frames arrive in order, or the carrier fails.
 *
 * It is read and written by one each, who awaits every call before the next: that is the flow control. A reader may pause
 * for as long as it likes; only a peer that does not answer is dead.
 */
export interface Carrier {
  /** Whether it has failed or was closed. */
  readonly isOver: boolean;
  /** Is called with how many bytes of DATA the peer's reader has taken in all, where it says so. */
  onTaken?: ((bytes: number) => void) | undefined;
  /** The most bytes that one frame carries. */
  readonly frameBytesMax: number;
  /** Sends a frame. Resolves when another may follow; rejects when the path is dead. */
  send(kind: CarrierFrameKind, bytes: Uint8Array): Promise<void>;
  /** The next frame, which counts as taken once another is asked for; undefined when the peer has said that its way is complete. Rejects however else the path ends. */
  receive(): Promise<Frame | undefined>;
  /**
   * Says that this way is complete. Resolves when what was sent is on its way for good, whatever becomes of this end. A path
   * that is closed without it is an error at the peer.
   */
  finish(): Promise<void>;
  /**
   * Lets go of everything: at once, or, when both ways are complete, once the peer has heard so. Resolves when nothing that
   * was sent depends on this process any more.
   */
  close(): Promise<void>;
}
