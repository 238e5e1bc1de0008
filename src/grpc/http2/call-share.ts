import type { WrittenKind } from './peer-holdings.js';

/** One call's part of what its peer holds. */
export class CallShare {
  requestBytes = 0;
  /** Bytes that were written to it and HTTP/2 has not let go of. */
  writtenBytes = 0;
  isOver = false;
  /** Whether its request goes on. */
  isSending = false;

  constructor(
    readonly begunMs: number,
    readonly writtenKind: WrittenKind | undefined,
  ) {}
}
