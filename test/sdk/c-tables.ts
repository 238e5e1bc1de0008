import { REASONS } from '../../src/core/model/fault.js';
import { EVENTS } from '../../src/system/codec/event.js';
import type { EventType } from '../../src/system/codec/event-type.js';
import type { Slot, Table } from '../../src/system/codec/field.js';

const KINDS = ['u8', 'u16', 'u32', 'id', 'u64', 'bool', 'uuid', 'text', 'bytes', 'structure'] as const;
const CATEGORIES = { C2S: 'SWY_C2S', S2C: 'SWY_S2C', both: 'SWY_C2S | SWY_S2C' } as const;
const TYPES = Object.entries(EVENTS) as [string, EventType][];

/** The tables of sdk/c/switchyard.h between its marks, made from the registry of system events. */
export function cTables(): string {
  const tables = allTables();
  const names = tables.map(constantOf);
  const fieldsMax = Math.max(...tables.map(({ slots }) => slots.length));
  return [
    ...enumeration('Codes of Answers, and of mistakes.', reasonRows()),
    ...enumeration('Types of events.', typeRows()),
    ...tables.flatMap((table) => enumeration(`Keys of ${table.name}.`, keyRows(table))),
    `enum { ${KINDS.map((kind) => `SWY_KIND_${kind.toUpperCase()}`).join(', ')} };`,
    'enum { SWY_OPTIONAL, SWY_REQUIRED, SWY_REPEATED };',
    '/* Who handles a type of event: a server, a client, or either. */',
    'enum { SWY_C2S = 1, SWY_S2C = 2 };',
    `#define SWY_FIELDS_MAX ${fieldsMax}`,
    `#define SWY_TYPES ${TYPES.length}u`,
    '#define SWY_NO_TABLE 255u',
    ...STRUCTS,
    ...tables.flatMap((table, at) => fieldsOf(table, names[at], tables)),
    ...tableLookup(tables, names),
    ...typesTable(tables),
  ].join('\n');
}

const STRUCTS = [
  '#ifdef SWITCHYARD_NAMES',
  '#define SWY_NAMED(name) name,',
  '#else',
  '#define SWY_NAMED(name)',
  '#endif',
  '/* One field of a body. `count_max` 0: as many as there is room for. `table`: of a structure. */',
  'typedef struct {',
  '#ifdef SWITCHYARD_NAMES',
  '  const char *name;',
  '#endif',
  '  uint8_t key, kind, presence, table;',
  '  uint16_t bytes_min, bytes_max, count_max;',
  '} swy_field;',
  'typedef struct {',
  '  const swy_field *fields;',
  '  int count;',
  '} swy_table;',
  '/* A type of event, with the tables of its body and of the data of its Answer. */',
  'typedef struct {',
  '#ifdef SWITCHYARD_NAMES',
  '  const char *name;',
  '#endif',
  '  uint8_t number, category, is_answered, table, answer_table;',
  '} swy_type;',
];

function innerOf({ kind }: Slot): Table | undefined {
  return 'table' in kind ? (kind.table as Table) : undefined;
}

/** Every table that the types lead to, each name once: an event may hold just what a structure of its name holds. */
function allTables(): readonly Table[] {
  const found = new Map<string, Table>();
  const visit = (table: Table): void => {
    const known = found.get(table.name);
    if (known !== undefined && String(keyRows(known)) !== String(keyRows(table)))
      throw new Error(`two tables are called ${table.name} and have other fields`);
    if (known !== undefined) return;
    found.set(table.name, table);
    for (const slot of table.slots) {
      const inner = innerOf(slot);
      if (inner !== undefined) visit(inner);
    }
  };
  for (const [, { table, answerTable }] of TYPES) for (const one of [table, answerTable]) if (one) visit(one);
  return [...found.values()];
}

/** The place of a table in the lookup. */
function indexOf(table: Table, tables: readonly Table[]): number {
  return tables.findIndex(({ name }) => name === table.name);
}

/** `Answer to StreamStopped` as `STREAM_STOPPED_ANSWER`. */
function constantOf({ name }: { readonly name: string }): string {
  const [, answered = '', plain = ''] = /^(?:Answer to (\w+)|(\w+))$/.exec(name) ?? [];
  const words = (answered || plain).replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
  return answered === '' ? words : `${words}_ANSWER`;
}

function enumeration(about: string, rows: readonly (readonly [string, number])[]): string[] {
  if (rows.length === 0) return [];
  return [`/* ${about} */`, 'enum {', ...rows.map(([name, number]) => `  ${name} = ${number},`), '};'];
}

function reasonRows(): [string, number][] {
  return Object.entries(REASONS).map(([name, code]) => [`SWY_REASON_${name}`, code]);
}

function typeRows(): [string, number][] {
  return TYPES.map(([name, { number }]) => [`SWY_TYPE_${constantOf({ name })}`, number]);
}

function keyRows(table: Table): [string, number][] {
  return table.slots.map(({ name, key }) => [`SWY_${constantOf(table)}_${name.toUpperCase()}`, key]);
}

function kindOf(slot: Slot): (typeof KINDS)[number] {
  if (innerOf(slot) !== undefined) return 'structure';
  const [word] = slot.kind.name.split(',');
  const plain = /^\d+ bytes$/.test(word) ? 'bytes' : word;
  const kind = KINDS.find((one) => one === plain);
  if (kind === undefined) throw new Error(`${slot.name}: kind ${slot.kind.name} has no name in C`);
  return kind;
}

function fieldsOf(table: Table, name: string, tables: readonly Table[]): string[] {
  const rows = table.slots.map((slot) => {
    const inner = innerOf(slot);
    const { presence, kind, countMax } = slot;
    const numbers = [
      slot.key,
      `SWY_KIND_${kindOf(slot).toUpperCase()}`,
      `SWY_${presence.toUpperCase()}`,
      inner === undefined ? 'SWY_NO_TABLE' : indexOf(inner, tables),
      kind.minBytes,
      kind.maxBytes,
      Number.isFinite(countMax) ? countMax : 0,
    ];
    return `  {SWY_NAMED("${slot.name}") ${numbers.join(', ')}},`;
  });
  // C has no empty arrays.
  const all = rows.length === 0 ? ['  {SWY_NAMED("") 0, 0, 0, SWY_NO_TABLE, 0, 0, 0},'] : rows;
  return [`static const swy_field swy_fields_${name.toLowerCase()}[] = {`, ...all, '};'];
}

function tableLookup(tables: readonly Table[], names: readonly string[]): string[] {
  const rows = tables.map(({ slots }, at) => `  {swy_fields_${names[at].toLowerCase()}, ${slots.length}},`);
  return [
    'static const swy_table swy_tables[] = {',
    ...rows,
    '};',
    'static inline const swy_table *swy_table_at(uint8_t index) { return &swy_tables[index]; }',
  ];
}

function typesTable(tables: readonly Table[]): string[] {
  const rows = TYPES.map(([name, { number, category, answered, table, answerTable }]) => {
    const answer = answerTable === undefined ? 'SWY_NO_TABLE' : indexOf(answerTable, tables);
    const numbers = [number, CATEGORIES[category], answered ? 1 : 0, indexOf(table, tables), answer];
    return `  {SWY_NAMED("${name}") ${numbers.join(', ')}},`;
  });
  return ['static const swy_type swy_types[] = {', ...rows, '};'];
}
