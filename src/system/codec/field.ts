import type { Kind } from './kind.js';

/** Whether a body must have the field, may have it, or may have it several times. */
export type Presence = 'required' | 'optional' | 'repeated';

/** One line of a table: everything that encoding, decoding, refusals and the document need to know of a field. */
export interface Field<T = unknown, P extends Presence = Presence> {
  /** 1-255. The number of the same field in `switchyard.v1`, where there is one. */
  readonly key: number;
  readonly kind: Kind<T>;
  readonly presence: P;
  /** How many cells of this key a body may have. */
  readonly countMax: number;
  /** For the document. */
  readonly means: string;
}

/** A body without it is refused. */
export function required<T>(key: number, kind: Kind<T>, means: string): Field<T, 'required'> {
  return { key, kind, presence: 'required', countMax: 1, means };
}

/** A body may do without it; what its absence means stands in `means`. */
export function optional<T>(key: number, kind: Kind<T>, means: string): Field<T, 'optional'> {
  return { key, kind, presence: 'optional', countMax: 1, means };
}

/** One cell for each item; no cell, no item. The order of the items is that of their cells. */
export function repeated<T>(
  key: number,
  kind: Kind<T>,
  means: string,
  countMax = Number.POSITIVE_INFINITY,
): Field<T, 'repeated'> {
  return { key, kind, presence: 'repeated', countMax, means };
}

/** The fields of a body, by the name they have in memory. */
export type Fields = Readonly<Record<string, Field>>;

type Value<F> = F extends Field<infer T, infer P> ? (P extends 'repeated' ? readonly T[] : T) : never;
type Required<F extends Fields> = {
  [N in keyof F]: F[N] extends { readonly presence: 'required' } ? N : never;
}[keyof F];

/**
 * A body in memory, going out or come in. What is optional or repeated and has no cell is absent: nothing is invented
 * on the way, so whoever changes only what is there (UpdateStreamParams) can see what is.
 */
export type Body<F extends Fields> = { readonly [N in Required<F>]: Value<F[N]> } & {
  readonly [N in Exclude<keyof F, Required<F>>]?: Value<F[N]> | undefined;
};

/** A field in its table. */
export interface Slot extends Field {
  /** Its name in memory. */
  readonly property: string;
  /** Its name in the document and in violations: the proto's spelling. */
  readonly name: string;
  /** Its bit in the set of fields that were seen. */
  readonly bit: number;
}

/** The sets of seen fields are 32-bit integers without the sign. */
const FIELDS_MAX = 31;

/** The fields of one kind of body, indexed for both directions. Made once, when the module is loaded. */
export class Table<F extends Fields = Fields> {
  /** By ascending key: the order in which cells are written. */
  readonly slots: readonly Slot[];
  readonly byKey: readonly (Slot | undefined)[];
  /** The bits of the required fields. */
  readonly requiredBits: number;

  constructor(
    /** As the document's headings say it. */
    readonly name: string,
    readonly fields: F,
  ) {
    this.slots = Object.entries(fields)
      .sort(([, a], [, b]) => a.key - b.key)
      .map(([property, field], index) => ({ ...field, property, name: protoName(property), bit: 1 << index }));
    const byKey = new Array<Slot | undefined>(256).fill(undefined);
    let requiredBits = 0;
    for (const slot of this.slots) {
      if (byKey[slot.key] !== undefined || slot.key < 1 || slot.key > 255) {
        throw new Error(`${name}: key ${slot.key} of ${slot.name} is taken or out of range`);
      }
      byKey[slot.key] = slot;
      if (slot.presence === 'required') requiredBits |= slot.bit;
    }
    if (this.slots.length > FIELDS_MAX) throw new Error(`${name}: more than ${FIELDS_MAX} fields`);
    this.byKey = byKey;
    this.requiredBits = requiredBits;
  }
}

function protoName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
