import type { AnswerBody, Sent } from './answer.js';

/** The answers of one connection that are not there yet: the client's to what it was asked, and the server's that are on their way. */
export class PendingAnswers {
  #lastPacketId = 0;
  /** What waits for the client's Answer, by the packet id of what was sent. */
  readonly #asked = new Map<number, (answer: AnswerBody) => void>();
  /** What is to happen once an Answer is delivered, and happens too when it cannot be any more. */
  readonly #undelivered = new Set<Sent>();

  /** Whether an Answer is on its way to the client. */
  get hasUndelivered(): boolean {
    return this.#undelivered.size > 0;
  }

  /** Gives the packet id for something that the client is to answer. */
  ask(answered: (answer: AnswerBody) => void): number {
    this.#lastPacketId = (this.#lastPacketId + 1) >>> 0;
    this.#asked.set(this.#lastPacketId, answered);
    return this.#lastPacketId;
  }

  /** Hands on what the client answered. An answer to nothing that was asked is let go of. */
  answered(packetId: number, body: AnswerBody): void {
    const answered = this.#asked.get(packetId);
    this.#asked.delete(packetId);
    answered?.(body);
  }

  /** Makes what an Answer is sent with: `call` is called once, with whether it was delivered. */
  onceDelivered(call: Sent): Sent {
    const delivered: Sent = (isSent) => {
      if (this.#undelivered.delete(delivered)) call(isSent);
    };
    this.#undelivered.add(delivered);
    return delivered;
  }

  /** The connection is over: nothing more is answered, and what is on its way is not delivered. */
  closed(): void {
    this.#asked.clear();
    for (const delivered of this.#undelivered) delivered(false);
  }
}
