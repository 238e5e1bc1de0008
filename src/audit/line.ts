import { hash } from 'node:crypto';

/** What the audit log says of one act, or of several refusals of one kind. */
export interface AuditEntry {
  /** `identity UUID`, `administrator` or `nobody`; `server` for what the server says of itself. */
  readonly who: string;
  /** The address that it came from; empty for the server's own. */
  readonly from: string;
  /** The method, as the API names it. */
  readonly what: string;
  /** The identity, session, stream or ticket that it was about; empty where there is none. */
  readonly on: string;
  /** `ok`, or the reason of the refusal. */
  readonly outcome: string;
  /** How many this line stands for. */
  readonly count: number;
}

/** An entry as it is written. */
export interface AuditLine extends AuditEntry {
  /** From 1, without a gap. */
  readonly number: number;
  /** RFC 3339, by the server's clock. */
  readonly at: string;
  /** SHA-256 of the line before, without its line feed, in hexadecimal. */
  readonly before: string;
}

/** What stands in the first line of all in the place of the hash of the one before. */
export const FIRST_BEFORE = '0'.repeat(64);

/** Where a chain of lines ends. */
export interface ChainEnd {
  readonly number: number;
  /** The hash of its last line. */
  readonly hash: string;
}

/** The end of a chain that has no line. */
export const EMPTY_CHAIN: ChainEnd = { number: 0, hash: FIRST_BEFORE };

/** The text of the next line of a chain, without its line feed. */
export function writeLine({ number, hash: before }: ChainEnd, entry: AuditEntry, atMs: number): string {
  const { who, from, what, on, outcome, count } = entry;
  const at = new Date(atMs).toISOString();
  return JSON.stringify({ number: number + 1, at, who, from, what, on, outcome, count, before });
}

/** The end of a chain after this line. */
export function endAfter({ number }: ChainEnd, text: string): ChainEnd {
  return { number: number + 1, hash: hashOf(text) };
}

/** Reads one line; undefined when it is not one. */
export function readLine(text: string): AuditLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<AuditLine>;
    const { number, at, who, from, what, on, outcome, count, before } = line;
    const texts = [at, who, from, what, on, outcome, before];
    const isWhole = texts.every((one) => typeof one === 'string') && [number, count].every(Number.isSafeInteger);
    return isWhole ? (line as AuditLine) : undefined;
  } catch {
    return undefined;
  }
}

/** SHA-256 of a line's text, in hexadecimal. */
export function hashOf(text: string): string {
  return hash('sha256', text, 'hex');
}
