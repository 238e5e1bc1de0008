/**
 * The keys of a table by their type, where `Object.keys` answers with any text. The table has to be one that nobody adds names to:
 * a constant, or what this module made.
 */
export function keysOf<Name extends string>(table: Readonly<Partial<Record<Name, unknown>>>): Name[] {
  return Object.keys(table) as Name[];
}

/** The names and values of a table, of which the same is true. */
export function entriesOf<Name extends string, Value>(table: Readonly<Partial<Record<Name, Value>>>): [Name, Value][] {
  return Object.entries(table) as [Name, Value][];
}

/** A table that has a value for each of these names. */
export function tableOf<Name extends string, Value>(
  names: readonly Name[],
  value: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
}
