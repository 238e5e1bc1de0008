import { readFileSync } from 'node:fs';
import { REASONS } from '../../../src/core/model/fault.js';
import { EVENTS } from '../../../src/system/codec/event.js';
import type { EventType } from '../../../src/system/codec/event-type.js';
import type { Table } from '../../../src/system/codec/field.js';

const PROTO = new URL('../../../proto/switchyard/v1/error.proto', import.meta.url);

function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function kindOf(kind: { readonly name: string }): string {
  return 'table' in kind ? `[${kind.name}](#${kind.name.toLowerCase()})` : kind.name;
}

function presenceOf({ presence, countMax }: { readonly presence: string; readonly countMax: number }): string {
  return presence === 'repeated' && countMax !== Number.POSITIVE_INFINITY ? `repeated, at most ${countMax}` : presence;
}

function fieldTable({ slots }: Table): string[] {
  const rows = slots.map((slot) => row(slot.key, `\`${slot.name}\``, kindOf(slot.kind), presenceOf(slot), slot.means));
  return [row('key', 'field', 'kind', 'presence', 'meaning'), row('---', '---', '---', '---', '---'), ...rows];
}

/** Every record that the tables lead to, in the order of their names. */
function recordsOf(tables: readonly Table[]): Table[] {
  const found = new Set<Table>();
  const visit = (table: Table): void => {
    for (const { kind } of table.slots) {
      const inner = 'table' in kind ? (kind.table as Table) : undefined;
      if (inner === undefined || found.has(inner)) continue;
      found.add(inner);
      visit(inner);
    }
  };
  tables.forEach(visit);
  return [...found].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function types(): string[] {
  const rows = (Object.entries(EVENTS) as [string, EventType][]).map(([name, { number, category, answered }]) =>
    row(number, `[${name}](#${number}-${name.toLowerCase()})`, category, answered ? 'yes' : 'no'),
  );
  return [row('type', 'name', 'category', 'answered'), row('---', '---', '---', '---'), ...rows];
}

function fields(): string[] {
  return (Object.entries(EVENTS) as [string, EventType][]).flatMap(([name, { number, table, answerTable }]) => [
    `### ${number} ${name}`,
    '',
    ...fieldTable(table),
    '',
    ...(answerTable === undefined ? [] : ['The data of a successful Answer:', '', ...fieldTable(answerTable), '']),
  ]);
}

function records(): string[] {
  const events = Object.values(EVENTS) as EventType[];
  const tables = events.flatMap(({ table, answerTable }) =>
    answerTable === undefined ? [table] : [table, answerTable],
  );
  return recordsOf(tables).flatMap((table) => [`### ${table.name}`, '', ...fieldTable(table), '']);
}

/** The codes with what error.proto says of them, which is where a reason is explained. */
function codes(): string[] {
  const comments = new Map<string, string>();
  let comment: string[] = [];
  for (const line of readFileSync(PROTO, 'utf8').split('\n')) {
    const said = /^ {2}\/\/ (.*)$/.exec(line)?.[1];
    const name = /^ {2}REASON_(\w+) = \d+;$/.exec(line)?.[1];
    if (said !== undefined) comment.push(said);
    if (name !== undefined) comments.set(name, comment.join(' '));
    if (said === undefined) comment = [];
  }
  const rows = Object.entries(REASONS).map(([name, code]) => {
    const [, meaning = ''] =
      /^[A-Z_]+(?: on a call, ABORTED on an attachment)?\. (.*?)(?: Example: .*)?$/.exec(comments.get(name) ?? '') ??
      [];
    if (meaning === '') throw new Error(`error.proto says nothing of ${name}`);
    return row(code, `\`${name}\``, meaning);
  });
  return [row('code', 'reason', 'meaning'), row('---', '---', '---'), row(0, '', 'Success.'), ...rows];
}

/** The parts of docs/system-events.md that are made from the registry, by the name in their markers. */
export function generatedParts(): Readonly<Record<string, string>> {
  const parts = { types: types(), fields: fields(), records: records(), codes: codes() };
  return Object.fromEntries(Object.entries(parts).map(([name, lines]) => [name, lines.join('\n').trimEnd()]));
}

/** The document with its generated parts as the registry has them now. */
export function refreshed(document: string): string {
  return Object.entries(generatedParts()).reduce((text, [name, part]) => {
    const [begin, end] = [`<!-- begin ${name}: made from src/system, not by hand -->`, `<!-- end ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the document has no part ${name}`);
    return `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
  }, document);
}
