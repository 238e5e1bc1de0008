import type { Clock } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import type { HashKey } from '../../core/store/packed/halfsiphash.js';
import { UseSketch } from './use-sketch.js';
import { UseTally } from './use-tally.js';

/**
 * Identities of one network whose use is kept exactly and stored, for each quota: a line of the file has 59 bytes at most, so that the file stays below the
 * 1 MiB up to which such files are read.
 */
const IDENTITIES_MAX = 8_192;
/** Lines that are made in one turn of the event loop: the longest turn of a full network took 1.5 ms of CPU time. */
const PART_LINES = 256;
const HEADER = /^switchyard month-use 1 (\d{4})-(\d{2})$/;
const LINE = /^(calls|bytes) ([0-9a-f-]{36}) (\d{1,16})$/;
const FULL_WORDS =
  `the quotas of a month store the use of ${IDENTITIES_MAX} identities of a network: ` +
  'that of those that have used least is forgotten at a restart';
const OVERFULL_WORDS =
  'so many identities of a network have used a quota of a month that only those that have used most are counted until it is over: ' +
  'the others are not refused';
const LATER_WORDS = 'the quotas of a month are counted for one that is later than the clock says, until that is over';
/** So many months may the one that is counted be later than the clock's: a clock that was further ahead was wrong. */
const LATER_MONTHS_MAX = 1;
const AHEAD_WORDS =
  'the quotas of a month were counted for one that is years or months later than the clock says: this month begins anew';

/** What a quota of a month bounds. */
export type MonthQuota = 'calls' | 'bytes';

type Tallies = Readonly<Record<MonthQuota, UseTally>>;

/** What counts the use of a month in one network. */
export interface NetworkMonthDeps {
  readonly clock: Pick<Clock, 'wallMs'>;
  /** There is something to store. */
  changed(): void;
  warn(message: string): void;
  /** A secret that is drawn now. */
  drawKey(): HashKey;
}

/**
 * Counts what the identities of one network use in a calendar month (UTC). A clock that is set back into the month before does not begin
 * that again: the later one goes on until it is over. One that was further ahead was wrong, and its own month begins anew.
 */
export class NetworkMonth {
  /** Whether there is something that is not stored. */
  isChanged = false;
  readonly #deps: NetworkMonthDeps;
  /** Months since the year 0; */
  #month: number;
  /** and when this one begins and ends, so that no call makes a date of the time. */
  #spanMs: readonly [number, number];
  #used: Tallies;
  /** One that was put aside as too far ahead of the clock: it goes on where the clock comes to it, which was wrong then. */
  #aside: { readonly month: number; readonly used: Tallies } | undefined;
  /** What was stored of a month that is over, until {@link keepOnly} has looked at it: the file holds it until it is written again. */
  #past: Tallies | undefined;
  /** The file may hold something. */
  #isStored = false;
  #saidFull = false;
  #saidOverfull = false;
  #saidLater = false;

  constructor(deps: NetworkMonthDeps) {
    this.#deps = deps;
    this.#month = monthOf(deps.clock.wallMs());
    this.#spanMs = spanOf(this.#month);
    this.#used = this.#makeTallies();
  }

  /** What an identity has used of a quota. */
  used(uuid: string, what: MonthQuota): number {
    this.#turn();
    return this.#used[what].of(uuid);
  }

  /** Why an identity may not use more of a quota before the next month; undefined when it may. */
  refuse(uuid: string, what: MonthQuota, max: number): Fault | undefined {
    if (this.used(uuid, what) < max) return undefined;
    const endsAt = `${nameOf(this.#month + 1)}-01T00:00:00Z`;
    const name = what === 'calls' ? 'calls' : 'relayed bytes';
    const message = `${max} ${name} a month of one identity are the limit of its roles; the month ends at ${endsAt}`;
    // Without RetryInfo: a client would sleep for weeks, or overflow its timer.
    return new Fault('NETWORK_LIMIT', message, [], undefined, { month_ends: endsAt });
  }

  /** An identity uses so much more. */
  add(uuid: string, what: MonthQuota, count: number): void {
    this.#turn();
    const tally = this.#used[what];
    tally.add(uuid, count);
    if (tally.hasSketch && !this.#saidFull) {
      this.#saidFull = true;
      this.#deps.warn(FULL_WORDS);
    }
    if (tally.isOverfull && !this.#saidOverfull) {
      this.#saidOverfull = true;
      this.#deps.warn(OVERFULL_WORDS);
    }
    this.#change();
  }

  /** An identity was forgotten: so is what it has used, and the file is written without it. */
  forget(uuid: string): void {
    // Each of them: an identity may have used both quotas, in several months.
    const dropped = this.#tallies().filter((tally) => tally.delete(uuid)).length;
    if (dropped > 0 || this.#isStored) this.#change();
  }

  /** Forgets what all others have used than the identities that there are: some may have been forgotten before the file was written. */
  keepOnly(isThere: (uuid: string) => boolean): void {
    if (this.#drop((uuid) => !isThere(uuid))) this.#change();
    this.#past = undefined;
  }

  /** What {@link restore} reads, a part at a time: what is counted meanwhile may be in it. */
  *parts(): Generator<string> {
    const { month, used } = this.#stored();
    this.#isStored = true;
    yield `switchyard month-use 1 ${nameOf(month)}\n`;
    for (const what of ['calls', 'bytes'] as const) {
      // Copied: what is new meanwhile would make it longer than can be read.
      const entries = [...used[what].entries()];
      for (let from = 0; from < entries.length; from += PART_LINES) {
        const lines = entries.slice(from, from + PART_LINES).map(([uuid, count]) => `${what} ${uuid} ${count}\n`);
        yield lines.join('');
      }
    }
  }

  /** Goes on from what was stored, where that is of this month or a later one. Throws, and changes nothing, when it cannot be read. */
  restore(text: string | undefined): void {
    if (text === undefined) return;
    const [first, ...lines] = text.trimEnd().split('\n');
    const [, year, number] = HEADER.exec(first) ?? [];
    if (year === undefined) throw new Error('the first line is not that of such a file');
    const used = this.#makeTallies();
    for (const [at, line] of lines.entries()) readLine(used, line, at + 2);
    this.#isStored = true;
    const month = Number(year) * MONTHS + Number(number) - 1;
    if (month < this.#month) {
      this.#past = used;
      return;
    }
    if (month > this.#month + LATER_MONTHS_MAX) {
      this.#aside = { month, used };
      this.#deps.warn(AHEAD_WORDS);
      return;
    }
    this.#month = month;
    this.#spanMs = spanOf(month);
    this.#used = used;
    this.#turn();
  }

  #turn(): void {
    const nowMs = this.#deps.clock.wallMs();
    const [fromMs, untilMs] = this.#spanMs;
    if (nowMs >= fromMs && nowMs < untilMs) return;
    const month = monthOf(nowMs);
    if (nowMs < fromMs && month + LATER_MONTHS_MAX < this.#month) this.#deps.warn(AHEAD_WORDS);
    else if (nowMs < fromMs) {
      if (!this.#saidLater) this.#deps.warn(LATER_WORDS);
      this.#saidLater = true;
      return;
    }
    this.#month = month;
    this.#spanMs = spanOf(month);
    this.#used = this.#takeAside(month) ?? this.#makeTallies();
    this.#saidFull = false;
    this.#saidOverfull = false;
    this.#saidLater = false;
  }

  /** What was put aside of this month: the file may hold another one since then. */
  #takeAside(month: number): Tallies | undefined {
    const aside = this.#aside;
    if (aside?.month !== month) return undefined;
    this.#aside = undefined;
    this.#change();
    return aside.used;
  }

  #change(): void {
    this.isChanged = true;
    this.#deps.changed();
  }

  /** Forgets what these identities have used, of whichever month; false: nothing was known of them. */
  #drop(isGone: (uuid: string) => boolean): boolean {
    const dropped = this.#tallies().map((tally) => {
      const gone = [...tally.entries()].filter(([uuid]) => isGone(uuid));
      return gone.filter(([uuid]) => tally.delete(uuid)).length;
    });
    return dropped.some((count) => count > 0);
  }

  /** What the file is to hold: the month that was put aside, for as long as nothing was counted in the place of it. */
  #stored(): { readonly month: number; readonly used: Tallies } {
    const isEmpty = ![this.#used.calls, this.#used.bytes].some((tally) => tally.size > 0 || tally.hasSketch);
    return isEmpty && this.#aside !== undefined ? this.#aside : { month: this.#month, used: this.#used };
  }

  /** Those of every month of which something is known. */
  #tallies(): UseTally[] {
    return [this.#used, this.#aside?.used, this.#past].flatMap((one) => (one ? [one.calls, one.bytes] : []));
  }

  #makeTallies(): Tallies {
    const makeTally = () => new UseTally(IDENTITIES_MAX, () => new UseSketch(this.#deps.drawKey()));
    return { calls: makeTally(), bytes: makeTally() };
  }
}

function readLine(used: Tallies, line: string, number: number): void {
  const [, what, uuid, count] = LINE.exec(line) ?? [];
  if (what === undefined) throw new Error(`line ${number} is not that of an identity`);
  const tally = what === 'calls' ? used.calls : used.bytes;
  if (tally.isFull) throw new Error(`line ${number}: more than ${IDENTITIES_MAX} identities`);
  tally.add(uuid, Number(count));
}

const MONTHS = 12;

function monthOf(wallMs: number): number {
  const date = new Date(wallMs);
  return date.getUTCFullYear() * MONTHS + date.getUTCMonth();
}

function spanOf(month: number): readonly [number, number] {
  return [
    Date.UTC(Math.floor(month / MONTHS), month % MONTHS),
    Date.UTC(Math.floor(month / MONTHS), (month % MONTHS) + 1),
  ];
}

function nameOf(month: number): string {
  return `${Math.floor(month / MONTHS)}-${String((month % MONTHS) + 1).padStart(2, '0')}`;
}
