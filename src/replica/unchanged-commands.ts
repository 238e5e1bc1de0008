import type { Command } from '../core/model/command.js';

/** What waits in {@link UnchangedCommands}. */
interface Waiting {
  readonly command: Command;
  /** How many commands had been taken for storing when it came: they are applied before it is decided again. */
  readonly after: number;
}

/**
 * Commands that would change nothing now, and may change something after those that are being stored. They wait here without a record,
 * in the order in which they came.
 */
export class UnchangedCommands<W extends Waiting> {
  readonly #all = new Set<W>();
  readonly #bySender = new Map<number | undefined, Set<W>>();

  get count(): number {
    return this.#all.size;
  }

  add(waiting: W): void {
    const sender = senderOf(waiting.command);
    const ofSender = this.#bySender.get(sender) ?? new Set();
    this.#bySender.set(sender, ofSender.add(waiting));
    this.#all.add(waiting);
  }

  /** Takes those out that came before one of so many commands was taken, one after the other; some may be added or taken meanwhile. */
  *takeDue(applied: number): Generator<W> {
    for (const waiting of this.#all) {
      if (waiting.after > applied) return;
      this.#delete(waiting);
      yield waiting;
    }
  }

  /** Takes those out whose sender has given this command. */
  takeOfSender(command: Command): readonly W[] {
    if (this.#all.size === 0) return [];
    const taken = [...(this.#bySender.get(senderOf(command)) ?? [])];
    for (const waiting of taken) this.#delete(waiting);
    return taken;
  }

  /** Takes all of them out. */
  takeAll(): readonly W[] {
    return [...this.takeDue(Number.POSITIVE_INFINITY)];
  }

  #delete(waiting: W): void {
    const sender = senderOf(waiting.command);
    const ofSender = this.#bySender.get(sender);
    ofSender?.delete(waiting);
    if (ofSender?.size === 0) this.#bySender.delete(sender);
    this.#all.delete(waiting);
  }
}

/** Whose commands keep their order: those about one session, and those about none. */
function senderOf(command: Command): number | undefined {
  return 'sid' in command ? command.sid : undefined;
}
