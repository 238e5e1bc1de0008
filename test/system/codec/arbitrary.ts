import fc from 'fast-check';
import { EVENTS, type EventName, type SystemEvent } from '../../../src/system/codec/event.js';
import type { EventType } from '../../../src/system/codec/event-type.js';
import type { Table } from '../../../src/system/codec/field.js';
import * as kinds from '../../../src/system/codec/kind.js';

const UTF8 = new TextEncoder();

/** Any value that the kind can hold, small where it has a choice. */
function anyValue(kind: kinds.Kind<unknown>): fc.Arbitrary<unknown> {
  if ('table' in kind) return bodyOf(kind.table as Table);
  if (kind.name.startsWith('text')) {
    return fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => UTF8.encode(text).length <= kind.maxBytes);
  }
  switch (kind) {
    case kinds.u8:
      return fc.integer({ min: 0, max: 0xff });
    case kinds.u16:
      return fc.integer({ min: 0, max: 0xffff });
    case kinds.u32:
      return fc.integer({ min: 0, max: 0xffffffff });
    case kinds.id:
      return fc.integer({ min: 0, max: 0x7fffffff });
    case kinds.u64:
      return fc.maxSafeNat();
    case kinds.bool:
      return fc.boolean();
    case kinds.uuid:
      return fc.uuid({ version: [1, 4, 7] });
    default:
      return fc.uint8Array({ minLength: kind.minBytes, maxLength: Math.min(kind.maxBytes, kind.minBytes + 40) });
  }
}

/** Any body of the table; what is absent is there as undefined, as after decoding. */
export function bodyOf(table: Table): fc.Arbitrary<Record<string, unknown>> {
  const properties = table.slots.map(({ property, kind, presence, countMax }) => {
    const value = anyValue(kind);
    if (presence === 'required') return [property, value] as const;
    if (presence === 'optional') return [property, fc.option(value, { nil: undefined })] as const;
    const items = fc.array(value, { minLength: 1, maxLength: Math.min(countMax, 3) });
    return [property, fc.option(items, { nil: undefined })] as const;
  });
  return fc.record(Object.fromEntries(properties), { noNullPrototype: true });
}

/** Any event of any type. */
export const anyEvent: fc.Arbitrary<SystemEvent> = fc.oneof(
  ...(Object.entries(EVENTS) as [EventName, EventType][]).map(([type, { table }]) =>
    bodyOf(table).map((body) => ({ type, body }) as SystemEvent),
  ),
);

/** Who handles the event. */
export function receiverOf(event: SystemEvent): 'server' | 'client' {
  return EVENTS[event.type].category === 'S2C' ? 'client' : 'server';
}
