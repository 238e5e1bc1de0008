import { crc32 } from 'node:zlib';
import type { Holdings } from '../../base/holdings.js';
import type { SystemLimits } from '../limits.js';
import type { AnswerBody, Sent } from './answer.js';

/** What an answer costs beside its own bytes. */
const ENTRY_BYTES = 256;

/** A request that was begun, and what came of it. */
interface Entry {
  /** Of the request's bytes: a packet id that names another request now is a mistake of the client. */
  readonly sum: number;
  readonly bytes: number;
  answer: AnswerBody | undefined;
  /** Where the answer goes when it is there: the connection that asked last. */
  tell: (answer: AnswerBody, sent?: Sent) => void;
}

/**
 * The last answers of one session, by the packet id of their requests, so that a request that comes again over a new
 * connection is answered again and not done again.
 *
 * Bounded by count and by bytes; what is still being done is bounded by the connection's requests in flight, and is not
 * forgotten before it is done.
 */
export class Answers {
  private readonly entries = new Map<number, Entry>();
  private bytes = 0;

  constructor(
    private readonly limits: Pick<SystemLimits, 'answersMax' | 'answersBytesMax'>,
    /** What all sessions have of this. */
    private readonly holdings: Holdings<Answers>,
  ) {}

  /**
   * Begins a request: `new` is to be done and {@link settle}d. One that was done is told its answer; one that is being done
   * will be told. `other`: the packet id belongs to another request.
   */
  begin(packetId: number, request: Uint8Array, tell: Entry['tell']): 'new' | 'known' | 'other' {
    const sum = crc32(request);
    const entry = this.entries.get(packetId);
    if (entry === undefined) {
      this.entries.set(packetId, { sum, bytes: 0, answer: undefined, tell });
      return 'new';
    }
    if (entry.sum !== sum) return 'other';
    if (entry.answer === undefined) entry.tell = tell;
    else tell(entry.answer);
    return 'known';
  }

  /** Whether a request with this packet id was begun. */
  knows(packetId: number): boolean {
    return this.entries.has(packetId);
  }

  /** The request is done. Tells whoever asked last, and with `sent` hears when that was sent. */
  settle(packetId: number, answer: AnswerBody, sent?: Sent): void {
    const entry = this.entries.get(packetId);
    if (entry === undefined) return;
    // Set anew, so that the order of the map is the order in which they were done.
    this.entries.delete(packetId);
    const bytes = (answer.data?.length ?? 0) + (answer.description?.length ?? 0);
    this.entries.set(packetId, { ...entry, bytes, answer });
    this.bytes += bytes;
    entry.tell(answer, sent);
    this.holdings.add(this, bytes + ENTRY_BYTES);
    this.forgetOldest();
  }

  /** Forgets every answer: of a request that comes again it is not known any more that it was done. */
  forgetDone(): void {
    for (const [packetId, { answer, bytes }] of this.entries) if (answer !== undefined) this.forget(packetId, bytes);
  }

  private forgetOldest(): void {
    const { answersMax, answersBytesMax } = this.limits;
    for (const [packetId, { answer, bytes }] of this.entries) {
      if (this.entries.size <= answersMax && this.bytes <= answersBytesMax) return;
      if (answer === undefined) continue;
      this.forget(packetId, bytes);
    }
  }

  private forget(packetId: number, bytes: number): void {
    this.entries.delete(packetId);
    this.bytes -= bytes;
    this.holdings.add(this, -bytes - ENTRY_BYTES);
  }
}
