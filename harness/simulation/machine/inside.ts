/** A mutation reaches for something that the code no longer has: it would change nothing, or break the server in a way of its own. */
export class StaleMutationError extends Error {
  override readonly name = 'StaleMutationError';
}

/**
 * What a part keeps to itself, for a mutation that has to get at it. Every name is looked for, because no compiler does:
 * throws when the part has none of that name any more.
 */
export function inside<Inside extends object>(part: object, ...names: (keyof Inside & string)[]): Inside {
  const missing = names.filter((name) => !(name in part));
  if (missing.length > 0) {
    throw new StaleMutationError(`${part.constructor.name} has no ${missing.join(', ')} any more`);
  }
  return part as Inside;
}
