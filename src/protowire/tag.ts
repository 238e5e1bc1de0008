/*
 * A tag stands before each value and says which field it is of and how it is written (the wire type):
 *
 *   31                             3 2   0
 *  +--------------------------------+-----+
 *  |          number of the field   | type|     0: a varint, 2: a length and as many bytes
 *  +--------------------------------+-----+
 */
const TYPE_BITS = 3;
const LENGTH = 2;

/** The tag of a field that holds an integer, a `bool` or an enum. */
export function varintTag(field: number): number {
  return field << TYPE_BITS;
}

/** The tag of a field that holds a `string`, `bytes` or a message. */
export function lengthTag(field: number): number {
  return (field << TYPE_BITS) | LENGTH;
}
