/*
 * Protobuf's wire format for the messages that the page reads, by tables of their fields. What the page does not name is
 * skipped, as a newer server may send it. The generated decoders know every field of every message, and cost the page ten times
 * as much code; test/console/codec.test.ts compares the two.
 */

/** What a field holds: a scalar, a map of strings, or a message. */
export type Kind = 'int32' | 'uint32' | 'uint64' | 'bool' | 'string' | 'bytes' | 'map' | Schema;

/** A field: its name here, what it holds, and whether there are several. */
export type Field = readonly [name: string, kind: Kind, isRepeated?: boolean];

/** A message, by the numbers of its fields. */
export interface Schema {
  readonly [number: number]: Field;
}

/** A message whose schema is not known to the types: by the names of its fields. */
type Message = Record<string, unknown>;

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const VARINT_BYTES_MAX = 10;
/** Without bytes there is nothing in it to be changed. */
const NO_BYTES = new Uint8Array();
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Reads a message. Throws a RangeError for bytes that are cut short or hold a wire type that is not used any more. */
export function decode<T>(schema: Schema, bytes: Uint8Array): T {
  return new Reader(bytes).message(schema, bytes.length) as T;
}

class Reader {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  message(schema: Schema, end: number): Message {
    const message = emptyMessage(schema);
    while (this.#at < end) {
      const tag = this.#varint();
      const field = schema[tag >>> 3];
      if (field === undefined) this.#skip(tag & 7);
      else this.#field(message, field, tag & 7);
    }
    if (this.#at !== end) throw new RangeError('a field is longer than its message');
    return message;
  }

  #field(message: Message, [name, kind, isRepeated]: Field, wire: number): void {
    if (kind === 'map') this.#entry(message[name] as Map<string, string>);
    else if (isRepeated && wire === WIRE.bytes && isNumber(kind)) {
      const end = this.#end();
      while (this.#at < end) (message[name] as unknown[]).push(this.#value(kind));
    } else if (isRepeated) (message[name] as unknown[]).push(this.#value(kind));
    else message[name] = this.#value(kind);
  }

  #value(kind: Exclude<Kind, 'map'>): unknown {
    switch (kind) {
      case 'int32':
        return this.#int32();
      case 'uint32':
      case 'uint64':
        return this.#varint();
      case 'bool':
        return this.#varint() !== 0;
      case 'string':
        return decoder.decode(this.#slice());
      case 'bytes':
        return this.#slice();
      default:
        return this.message(kind, this.#end());
    }
  }

  #entry(map: Map<string, string>): void {
    const end = this.#end();
    let [key, value] = ['', ''];
    while (this.#at < end) {
      const tag = this.#varint();
      if (tag >>> 3 === 1) key = decoder.decode(this.#slice());
      else if (tag >>> 3 === 2) value = decoder.decode(this.#slice());
      else this.#skip(tag & 7);
    }
    map.set(key, value);
  }

  /** Of a negative one there are ten bytes, of which the lower 32 bits count. */
  #int32(): number {
    let value = 0;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) throw new RangeError('a number is cut short');
      if (count < 5) value |= (byte & 0x7f) << (7 * count);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number has more than ten bytes');
  }

  /** Exact up to 2^53, which no count here reaches. */
  #varint(): number {
    let value = 0;
    for (let weight = 1, count = 0; count < VARINT_BYTES_MAX; weight *= 128, count++) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) throw new RangeError('a number is cut short');
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number has more than ten bytes');
  }

  #slice(): Uint8Array {
    const end = this.#end();
    const slice = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }

  #end(): number {
    const length = this.#varint();
    const end = this.#at + length;
    if (end > this.bytes.length) throw new RangeError('a field is cut short');
    return end;
  }

  #skip(wire: number): void {
    if (wire === WIRE.varint) this.#varint();
    else if (wire === WIRE.bytes) this.#slice();
    else if (wire === WIRE.fixed32) this.#at += 4;
    else if (wire === WIRE.fixed64) this.#at += 8;
    else throw new RangeError(`wire type ${wire}`);
    if (this.#at > this.bytes.length) throw new RangeError('a field is cut short');
  }
}

function isNumber(kind: Kind): kind is 'int32' | 'uint32' | 'uint64' {
  return kind === 'int32' || kind === 'uint32' || kind === 'uint64';
}

/** What a message of a schema is before its fields are read: what never changes, and the names of what is made for each anew. */
interface Empty {
  readonly plain: Message;
  readonly lists: readonly string[];
  readonly maps: readonly string[];
}

/** By schema: a snapshot has tens of thousands of messages of three schemas. */
const empties = new WeakMap<Schema, Empty>();

function emptyMessage(schema: Schema): Message {
  const { plain, lists, maps } = emptyOf(schema);
  const message = { ...plain };
  for (const name of lists) message[name] = [];
  for (const name of maps) message[name] = new Map();
  return message;
}

function emptyOf(schema: Schema): Empty {
  const known = empties.get(schema);
  if (known !== undefined) return known;
  const fields: Field[] = Object.values(schema);
  const plain = Object.fromEntries(fields.map(([name, kind]) => [name, emptyValue(kind)]));
  const lists = fields.flatMap(([name, , isRepeated]) => (isRepeated ? [name] : []));
  const maps = fields.flatMap(([name, kind, isRepeated]) => (kind === 'map' && !isRepeated ? [name] : []));
  const empty = { plain, lists, maps };
  empties.set(schema, empty);
  return empty;
}

function emptyValue(kind: Kind): unknown {
  if (isNumber(kind)) return 0;
  if (kind === 'bool') return false;
  if (kind === 'string') return '';
  return kind === 'bytes' ? NO_BYTES : undefined;
}

/** Writes a message. Fields that are absent, or have their default, are left out. */
export function encode(schema: Schema, message: object): Uint8Array {
  const out: number[] = [];
  write(out, schema, message as Message);
  return Uint8Array.from(out);
}

function write(out: number[], schema: Schema, message: Message): void {
  for (const [number, [name, kind, isRepeated]] of Object.entries(schema) as [string, Field][]) {
    const value = message[name];
    if (value === undefined || kind === 'map') continue;
    if (!isRepeated) writeField(out, Number(number), kind, value);
    else for (const one of value as unknown[]) writeField(out, Number(number), kind, one, true);
  }
}

function writeField(out: number[], number: number, kind: Exclude<Kind, 'map'>, value: unknown, isOfMany = false): void {
  if (isNumber(kind) || kind === 'bool') {
    if (Number(value) === 0 && !isOfMany) return;
    writeVarint(out, number * 8 + WIRE.varint);
    writeVarint(out, Number(value));
    return;
  }
  const bytes = bytesOf(kind, value);
  if (bytes.length === 0 && typeof kind === 'string' && !isOfMany) return;
  writeVarint(out, number * 8 + WIRE.bytes);
  writeVarint(out, bytes.length);
  for (const byte of bytes) out.push(byte);
}

function bytesOf(kind: 'string' | 'bytes' | Schema, value: unknown): Uint8Array {
  if (kind === 'string') return encoder.encode(value as string);
  return kind === 'bytes' ? (value as Uint8Array) : encode(kind, value as object);
}

function writeVarint(out: number[], value: number): void {
  let left = value;
  while (left >= 128) {
    out.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  out.push(left);
}
