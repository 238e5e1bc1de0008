import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A value of a case: plain JSON, in which a text `$name` stands for what was kept under that name. */
export type Value = null | boolean | number | string | readonly Value[] | Fields;

/** An object of a case. */
export interface Fields {
  readonly [name: string]: Value;
}

/** What a step may do with what it is answered or told. */
interface Outcome {
  /** Fields that must be there; others may be there, too. `{"$not": X}`: anything but X. `{"$count": N}`: a list of so many. `{"$between": [A, B]}`: a number from A to B. */
  readonly like?: Fields;
  /** Keeps fields under names, which later steps use as `$name`. */
  readonly keep?: Readonly<Record<string, string>>;
}

/** The testee carries out a command, or refuses it as `refused` says. `meanwhile`: steps that are played before it has answered. */
export type CommandStep = Outcome & {
  readonly do: string;
  readonly refused?: Fields;
  readonly meanwhile?: readonly Fields[];
} & Fields;
/** The testee tells of something, after everything that it has told before of the same subject. */
export type EventStep = Outcome & { readonly event: string; readonly as: string; readonly withinMs?: number };
/** The testee tells nothing of a kind for a while. */
export interface SilenceStep {
  readonly never: string;
  readonly as: string;
  readonly forMs: number;
}
/** The server process. `replace`: another one with an empty data folder takes its place. */
export interface ServerStep {
  readonly server: 'start' | 'kill' | 'drain' | 'replace';
}
/**
 * The path between testee and server. `cut`: every connection is reset. `close`: and none is let through. `open`: they are again.
 * `freeze`: connections stand and nothing moves. `thaw`: it does again.
 */
export interface PathStep {
  readonly path: 'cut' | 'close' | 'open' | 'freeze' | 'thaw';
}
/** Somebody else who uses the same server, by the TypeScript client and not over the testee's path. */
export type VisitorStep = Outcome & { readonly visitor: string; readonly refused?: Fields } & Fields;

/** One thing that happens in a case. */
export type Step = CommandStep | EventStep | SilenceStep | ServerStep | PathStep | VisitorStep;

/** What every client library has to do in one situation. */
export interface Case {
  /** Also the file's name, with spaces as `-`. */
  readonly name: string;
  /** What a testee must be able to do. One that is not is skipped. */
  readonly needs: readonly string[];
  /** Whether `npm test` plays it, too. */
  readonly smoke?: boolean;
  /** Options of `switchyard serve`, without the dashes. */
  readonly server?: Readonly<Record<string, string>>;
  /** The network that the testee is in, and the visitor where a step does not say another. Absent: `default`. */
  readonly network?: string;
  /** A second path to the server, which no step moves. `told`: the server tells clients of it. `given`: the testee is called with both addresses. */
  readonly elsewhere?: 'told' | 'given';
  readonly steps: readonly Step[];
}

const FOLDER = fileURLToPath(new URL('../cases/', import.meta.url));

/** Every case, in the order of the files' names. Throws an Error that names the file when one is not sound. */
export function readCases(): readonly Case[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return files.sort().map((file) => {
    const read = JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as Case;
    if (`${read.name.replaceAll(' ', '-')}.json` !== file) throw new Error(`${file}: its name is "${read.name}"`);
    if (!Array.isArray(read.needs) || !Array.isArray(read.steps)) throw new Error(`${file}: no needs or no steps`);
    return read;
  });
}
