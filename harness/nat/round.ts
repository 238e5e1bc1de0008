import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Transport } from './cell.js';
import type { NatKind } from './routers.js';

/** What came of one connection: the way it took and how long it was made, or why there is none. */
export type Result =
  | { readonly path: 'direct' | 'relayed' /** Until bytes had gone both ways. */; readonly tookMs: number }
  | { readonly path: 'failed'; readonly error: string };

/** One pair of routers, in one condition of the network between them. */
export interface Pairing {
  readonly a: NatKind;
  readonly b: NatKind;
  readonly condition: string;
}

/** One connection over each transport, both at the same time. */
export interface Round extends Pairing, Readonly<Record<Transport, Result>> {
  /** From 1. */
  readonly round: number;
}

/** Whether two are of the same routers in the same condition. */
export function isSamePairing(one: Pairing, other: Pairing): boolean {
  return one.a === other.a && one.b === other.b && one.condition === other.condition;
}

/**
 * Rounds as they were played, one JSON object a line. A run that was broken off is continued from its file: what stands
 * in there is not played again.
 */
export class RoundFile {
  readonly #rounds: Round[];

  /** `path` absent: nothing is kept beyond the run. */
  constructor(private readonly path: string | undefined) {
    this.#rounds = path !== undefined && existsSync(path) ? wholeLines(path).map((line) => JSON.parse(line)) : [];
  }

  get rounds(): readonly Round[] {
    return this.#rounds;
  }

  add(round: Round): void {
    this.#rounds.push(round);
    if (this.path !== undefined) appendFileSync(this.path, `${JSON.stringify(round)}\n`);
  }
}

/** The lines of a file; what a killed run has left of its last one is cut off. */
function wholeLines(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) writeFileSync(path, whole);
  return whole.split('\n').filter(Boolean);
}
