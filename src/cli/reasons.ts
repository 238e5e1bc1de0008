import { readFileSync } from 'node:fs';
import { codeOf } from '../base/errors.js';
import type { Surroundings } from './surroundings.js';
import { UsageError } from './surroundings.js';

/** One reason of the API's closed set, as `error.proto` documents it. */
export interface ReasonFacts {
  readonly name: string;
  readonly number: number;
  /** The gRPC status that it comes with, in the words of the proto. */
  readonly code: string;
  readonly cause: string;
  /** What to do. */
  readonly remedy: string;
  /** A message that it comes with. */
  readonly example: string;
}

/** The proto of the reasons, as it is published: this file runs from src/, from dist/src/ and bundled. */
export function reasonsProto(): string {
  for (const up of ['../..', '../../..']) {
    try {
      return readFileSync(new URL(`${up}/proto/switchyard/v1/error.proto`, import.meta.url), 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  throw new Error('the package has no error.proto');
}

/** Every reason with what its comment says: `CODE. Cause. Do: remedy. Example: "message".` */
export function readReasons(proto: string): ReasonFacts[] {
  const entries = proto.matchAll(/((?: {2}\/\/.*\n)+) {2}REASON_(\w+) = (\d+);/g);
  return [...entries].flatMap(([, comment, name, number]) => {
    if (name === 'UNSPECIFIED') return [];
    const text = comment
      .replaceAll(/^ *\/\/ ?/gm, '')
      .replaceAll('\n', ' ')
      .trim();
    const found = /^([A-Z_]+[^.]*)\. (.+) Do: (.+) Example: "(.+)"\.$/.exec(text);
    if (found === null) throw new Error(`the comment of REASON_${name} must be: CODE. Cause. Do: what. Example: "…".`);
    const [, code, cause, remedy, example] = found;
    return [{ name, number: Number(number), code, cause, remedy, example }];
  });
}

/** Says what a reason means and what to do; of all of them in one line each without a name. */
export async function explainReason(
  text: string | undefined,
  flags: { readonly json?: boolean },
  { terminal: { out } }: Surroundings,
): Promise<void> {
  const all = readReasons(reasonsProto());
  if (text === undefined) {
    if (flags.json) return out.jsonLines(all);
    return out.writeLines(all.map(({ name, cause }) => `${name.padEnd(NAME_CELLS)}${firstSentence(cause)}`));
  }
  const wanted = text.toUpperCase().replace(/^REASON_/, '');
  const found = all.find(({ name, number }) => name === wanted || String(number) === text);
  if (found === undefined) {
    throw new UsageError(`${JSON.stringify(text)} is no reason: switchyard explain lists them`);
  }
  if (flags.json) return out.json(found);
  const { name, number, code, cause, remedy, example } = found;
  await out.writeLines([`${name} (${number}, ${code})`, '', cause, `What to do: ${remedy}`, `Example: ${example}`]);
}

/** Width of the names in the list. */
const NAME_CELLS = 24;

function firstSentence(text: string): string {
  return text.split(/(?<=\.) /)[0];
}
