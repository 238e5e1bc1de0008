import { ValueError } from '../base/value-error.js';
import { findWritten, readConfigFile, type Sources } from './config.js';
import { OPTIONS } from './options.js';

const MIB = 1024 ** 2;

/**
 * The largest half of V8's young generation, in MiB. 64 took 12-20 % of the CPU off Session beside V8's own 16, because what a call
 * allocates is dead before the next collection and so costs nothing; twice as much again took off nothing that could be measured.
 */
const SEMI_SPACE_MIB_MAX = 64;

/** A half of the young generation takes this part of the memory at most, so both halves leave seven eighths for what lives on. */
const SEMI_SPACE_PART = 1 / 16;

/** The part of `--max-memory` that V8's old generation may take. The rest is buffers, native code, and sessions in arenas. */
const OLD_SPACE_PART = 5 / 8;

/** What the flags of node are made from. */
export interface NodeFlagSources extends Sources {
  /** What the machine has, or the container where that is less. */
  readonly memoryBytes: number;
}

/**
 * The flags of node for a server: the sizes of V8's generations, which cannot be changed once node runs. Those that the user gives in
 * NODE_OPTIONS are left alone. A wrong option makes no flags: the server itself says what is wrong with it.
 */
export function nodeFlags(sources: NodeFlagSources): string[] {
  const maxMemory = readMaxMemory(sources);
  const memoryMib = (maxMemory ?? sources.memoryBytes) / MIB;
  const flags = [`--max-semi-space-size=${semiSpaceMib(memoryMib)}`];
  if (maxMemory !== undefined) flags.push(`--max-old-space-size=${Math.floor(memoryMib * OLD_SPACE_PART)}`);
  const given = (sources.env.NODE_OPTIONS ?? '').replaceAll('_', '-');
  return flags.filter((flag) => !given.includes(flag.slice(0, flag.indexOf('='))));
}

/** A power of two, as V8 rounds anything else up to one. */
function semiSpaceMib(memoryMib: number): number {
  const part = Math.min(SEMI_SPACE_MIB_MAX, Math.max(1, memoryMib * SEMI_SPACE_PART));
  return 2 ** Math.floor(Math.log2(part));
}

function readMaxMemory(sources: Sources): number | undefined {
  const written = findWritten(OPTIONS.maxMemory, sources, readConfigFile(sources, []));
  if (written === undefined) return undefined;
  try {
    return OPTIONS.maxMemory.parse(written.text);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}
