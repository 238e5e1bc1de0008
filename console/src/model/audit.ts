import type { AuditLine, AuditMessage } from '../wire/audit-messages.js';

/** Lines that are kept; the file has all. Some 2 MB. */
const LINES_MAX = 5_000;
/** How many of the newest lines a page begins with. */
export const NEWEST = 1_000;

/** A place where the lines that the page was sent do not follow each other. */
export interface AuditBreak {
  /** The number of the line behind it. */
  readonly number: number;
  /** Lines are missing that the server does not keep any more, or a line is not the one that its successor was chained to. */
  readonly kind: 'gap' | 'chain';
}

/** The part of the audit log that the page has. Each line names the hash of the one before it, and the page looks whether that is so. */
export class AuditTrail {
  /** By ascending number. */
  readonly lines: readonly AuditLine[];
  readonly breaks: readonly AuditBreak[];
  /** The number of the newest line that is written; undefined until the server has said it. */
  readonly end: number | undefined;

  constructor(lines: readonly AuditLine[] = [], breaks: readonly AuditBreak[] = [], end?: number) {
    this.lines = lines;
    this.breaks = breaks;
    this.end = end;
  }

  /** The number behind which it goes on; undefined while it has no line. */
  get last(): number | undefined {
    return this.lines.at(-1)?.number;
  }

  /** The same with what came. Lines that it has already are left out; beyond what is kept the oldest are forgotten. */
  with({ lines: came, end }: AuditMessage): AuditTrail {
    const fresh = came.filter(({ number }) => number > (this.last ?? 0));
    const breaks = [...this.breaks];
    let before = this.lines.at(-1);
    for (const line of fresh) {
      if (before !== undefined && line.number !== before.number + 1) breaks.push({ number: line.number, kind: 'gap' });
      else if (before !== undefined && line.before !== before.hash) breaks.push({ number: line.number, kind: 'chain' });
      before = line;
    }
    const lines = [...this.lines, ...fresh].slice(-LINES_MAX);
    const first = lines[0]?.number ?? 0;
    return new AuditTrail(
      lines,
      breaks.filter(({ number }) => number > first),
      end,
    );
  }
}
