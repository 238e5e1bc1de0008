import { ByteReader, type ByteWriter, u16At } from './bytes.js';
import { compile } from './compile.js';
import type { Body, Fields, Slot, Table } from './field.js';
import { Flaw } from './flaw.js';
import { CELL_BYTES_MAX, type Kind } from './kind.js';

/*
 * A body is a run of cells, in any order, or a single zero byte when it has none:
 *
 *    0        1        2        3
 *   +--------+--------+--------+----- - -
 *   | key    | length          | value          again and again, up to the end of the body
 *   +--------+--------+--------+----- - -
 *     not 0    of the value
 *
 * A structure within a body is a cell whose value is again a body, by the same rules.
 */

/**
 * Reads a body that fills the bytes from `start` to `end`.
 *
 * Total: any bytes give a body or a Flaw. The first mistake in the order of the bytes counts; what is missing is only
 * asked for when all cells are sound. Allocates nothing that is larger than what it reads.
 */
export function decodeBody<F extends Fields>(
  table: Table<F>,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): Body<F> | Flaw {
  const body = compile(table).decode(bytes, start, end);
  return body === undefined ? interpretBody(table, bytes, start, end) : (body as Body<F>);
}

/** The same, cell by cell: what says what is wrong, and what the compiled decoders are proved against. */
export function interpretBody<F extends Fields>(
  table: Table<F>,
  bytes: Uint8Array,
  start: number,
  end: number,
): Body<F> | Flaw {
  const body: Record<string, unknown> = {};
  for (const slot of table.slots) body[slot.property] = undefined;
  const reader = new ByteReader(bytes, start, end);
  let seen = 0;
  if (start === end) return new Flaw('EVENT_TRUNCATED', start, 'a body has cells or a single 00, not nothing');
  if (bytes[start] === 0 && end - start === 1) reader.at = end;
  while (reader.left > 0) {
    const at = reader.at;
    const slot = table.byKey[bytes[at]];
    const valueEnd = takeCell(reader);
    if (valueEnd instanceof Flaw) return valueEnd;
    if (slot === undefined) continue;
    const before = body[slot.property];
    if (before !== undefined && slot.presence !== 'repeated') {
      return new Flaw('EVENT_KEY_REPEATED', at, `key ${slot.key} again at offset ${at}`, slot.name);
    }
    if (before !== undefined && (before as unknown[]).length === slot.countMax) {
      return new Flaw('FIELD_INVALID', at, `${slot.name}: more than ${slot.countMax}`, slot.name);
    }
    const value = readValue(slot, bytes, at, valueEnd);
    if (value instanceof Flaw) return value;
    seen |= slot.bit;
    if (slot.presence !== 'repeated') body[slot.property] = value;
    else if (before === undefined) body[slot.property] = [value];
    else (before as unknown[]).push(value);
  }
  const missing = table.requiredBits & ~seen;
  if (missing !== 0) {
    const slot = table.slots.find((one) => (one.bit & missing) !== 0)!;
    return new Flaw('FIELD_INVALID', end, `${slot.name}: missing (key ${slot.key})`, slot.name);
  }
  return body as Body<F>;
}

/** Moves past one cell and tells where its value ends. */
function takeCell(reader: ByteReader): number | Flaw {
  const { bytes, at, left } = reader;
  if (bytes[at] === 0) return new Flaw('FIELD_INVALID', at, `key 0 at offset ${at}`);
  if (reader.take(3) < 0) {
    return new Flaw('EVENT_TRUNCATED', at, `cell at offset ${at}: 3 bytes of header needed, ${left} there`);
  }
  const length = u16At(bytes, at + 1);
  if (reader.take(length) < 0) {
    return new Flaw('EVENT_TRUNCATED', at, `cell at offset ${at}: ${length} bytes announced, ${reader.left} there`);
  }
  return reader.at;
}

function readValue(slot: Slot, bytes: Uint8Array, at: number, end: number): unknown {
  const { kind } = slot;
  const length = end - at - 3;
  if (length < kind.minBytes || length > kind.maxBytes) {
    return new Flaw('FIELD_INVALID', at, `${slot.name}: ${length} bytes are not a ${kind.name}`, slot.name);
  }
  const value = kind.read(bytes, at + 3, end);
  if (value === undefined) return new Flaw('FIELD_INVALID', at, `${slot.name}: not a ${kind.name}`, slot.name);
  if (value instanceof Flaw && value.field !== '') {
    const field = `${slot.name}.${value.field}`;
    return new Flaw(value.reason, value.offset, value.description, field);
  }
  return value;
}

/**
 * Writes a body: its cells by ascending key. Throws a RangeError that names the field which cannot be written, and leaves the
 * writer as it was.
 */
export function encodeBody<F extends Fields>(table: Table<F>, writer: ByteWriter, body: Body<F>): void {
  const start = writer.length;
  if (compile(table).encode(writer, body)) return;
  writer.rewind(start);
  writer.whole(() => interpretEncoding(table, writer, body));
}

/** The same, field by field: what says what is wrong, and what the compiled encoders are proved against. */
export function interpretEncoding<F extends Fields>(table: Table<F>, writer: ByteWriter, body: Body<F>): void {
  const start = writer.length;
  const values = body as Record<string, unknown>;
  for (const slot of table.slots) {
    const value = values[slot.property];
    if (value === undefined) {
      if (slot.presence === 'required') throw new RangeError(`${table.name}.${slot.name} is missing`);
    } else if (slot.presence === 'repeated') {
      const items = value as readonly unknown[];
      if (items.length > slot.countMax) throw new RangeError(`${table.name}.${slot.name}: more than ${slot.countMax}`);
      for (const item of items) writeCell(table, slot, writer, item);
    } else {
      writeCell(table, slot, writer, value);
    }
  }
  if (writer.length === start) writer.u8(0);
}

function writeCell(table: Table, slot: Slot, writer: ByteWriter, value: unknown): void {
  const { kind } = slot;
  writer.header(slot.key, 0);
  const from = writer.length;
  const written = kind.write(writer, value);
  const length = writer.length - from;
  if (!written || length < kind.minBytes || length > kind.maxBytes) {
    throw new RangeError(`${table.name}.${slot.name}: ${String(value).slice(0, 64)} is not a ${kind.name}`);
  }
  writer.patchU16(from - 2, length);
}

/** A structure in a cell: a body of its own. */
export function record<F extends Fields>(table: Table<F>): Kind<Body<F>> & { readonly table: Table<F> } {
  return {
    name: table.name,
    table,
    minBytes: 0,
    maxBytes: CELL_BYTES_MAX,
    read: (bytes, at, end) => interpretBody(table, bytes, at, end),
    write(writer, value) {
      interpretEncoding(table, writer, value);
      return true;
    },
  };
}
