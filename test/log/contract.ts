import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { JournalError } from '../../src/journal/journal.js';
import type { SharedLog } from '../../src/log/shared-log.js';
import { records, revisionsAfter } from '../journal/reading.js';

/** Where processes have a log in common. */
export interface LogWorld {
  /** The log, as one of several processes has it. */
  open(name: string): SharedLog;
  remove(): Promise<void>;
}

/** How long a second process is watched that should not win. */
const WATCHED_MS = 400;

/** What every implementation of the log's port does. What its terms' journals do is the journal's contract. */
export function logContract(makeWorld: () => Promise<LogWorld>): void {
  let world: LogWorld;

  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.remove());

  it('lets one process lead an empty log, and append to it', async () => {
    const log = world.open('s1');
    const term = await log.lead();
    expect(term.number).toBeGreaterThan(0n);
    expect(term.journal.last).toBe(0);
    await term.journal.append(records(1, 5));
    expect(await revisionsAfter(term.journal, 0)).toEqual([1, 2, 3, 4, 5]);
    expect(term.lost.aborted).toBe(false);
    await term.resign();
    await log.close();
  });

  it('shows a later term everything that an earlier one appended, and goes on behind it', async () => {
    let number = 0n;
    for (let times = 0; times < 3; times++) {
      const log = world.open(`s${times}`);
      const term = await log.lead();
      expect(term.number).toBeGreaterThanOrEqual(number);
      number = term.number;
      expect(term.journal.last).toBe(3 * times);
      await term.journal.append(records(3 * times + 1, 3 * times + 3));
      await term.resign();
      await log.close();
    }
    const log = world.open('reader');
    const term = await log.lead();
    expect(await revisionsAfter(term.journal, 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await term.resign();
    await log.close();
  });

  it('does not let a second process lead beside the first: it is refused, or waits until the first gives its term back', async () => {
    const [first, second] = [world.open('s1'), world.open('s2')];
    const term = await first.lead();
    let led = false;
    const leading = second.lead().then(
      (next) => {
        led = true;
        return next;
      },
      (error: unknown) => error as JournalError,
    );
    await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
    expect(led).toBe(false);
    await term.journal.append(records(1, 2));
    await term.resign();
    const next = await leading;
    if (next instanceof JournalError) expect(next.kind).toBe('locked');
    else {
      expect(next.number).toBeGreaterThan(term.number);
      expect(await revisionsAfter(next.journal, 0)).toEqual([1, 2]);
      await next.resign();
    }
    await Promise.all([first.close(), second.close()]);
  });

  it('gives a term back once, however often it is told to, and is not lost by it', async () => {
    const log = world.open('s1');
    const term = await log.lead();
    await Promise.all([term.resign(), term.resign()]);
    await term.resign();
    expect(term.lost.aborted).toBe(false);
    await log.close();
  });
}
