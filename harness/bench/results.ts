import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Curve } from './benches/curve.js';
import type { Figure } from './figure.js';
import type { Row } from './row.js';

/** Whatever a bench finds out. */
export type Result = Row | Figure | Curve;

/** One bench as it was run: results of several days and machines may stand in one file, each with its own. */
export interface Part {
  readonly bench: string;
  /** What was typed. */
  readonly command: string;
  /** When it began, as ISO 8601. */
  readonly at: string;
  /** Cores, their name, and the version of Node. */
  readonly machine: string;
  readonly rounds: number;
  /** How much of the machine others used in the seconds before it began. */
  readonly othersPercent: number;
  readonly tookSeconds: number;
  readonly results: readonly Result[];
  /** Why there are no results, or none since then. */
  readonly failed?: string;
}

/** Beyond this, others were at work, and what was measured in wall time is only a hint. */
const QUIET_PERCENT = 10;

/** Whether a bench had the machine to itself when it began. */
export function wasQuiet({ othersPercent }: Part): boolean {
  return othersPercent <= QUIET_PERCENT;
}

/** Reads a file of results; an empty list when there is none. */
export function readResults(path: string): Part[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { parts: Part[] }).parts : [];
}

/**
 * Writes a part into a file of results, in the place of an earlier one of the same bench. The others stay; and so do the
 * earlier figures of a bench that has failed this time, with a word of it.
 */
export function saveResults(path: string, part: Part): void {
  const parts = readResults(path);
  const at = parts.findIndex(({ bench }) => bench === part.bench);
  if (at === -1) parts.push(part);
  else parts[at] = part.failed === undefined ? part : { ...part, ...parts[at], failed: `${part.failed} (${part.at})` };
  writeFileSync(path, `${JSON.stringify({ parts }, undefined, 2)}\n`);
}
