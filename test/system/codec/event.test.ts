import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodeEvent, EVENTS, encodeEvent, type SystemEvent } from '../../../src/system/codec/event.js';
import type { EventType } from '../../../src/system/codec/event-type.js';
import { Flaw } from '../../../src/system/codec/flaw.js';
import { anyEvent, receiverOf } from './arbitrary.js';

function encoded(event: SystemEvent): Uint8Array {
  const writer = new ByteWriter();
  encodeEvent(writer, event);
  return writer.finish();
}

/** The cells of an event without its type byte. */
function cellsOf(bytes: Uint8Array): Uint8Array[] {
  const cells: Uint8Array[] = [];
  for (let at = 1; at < bytes.length && bytes[at] !== 0; at += cells.at(-1)!.length) {
    cells.push(bytes.subarray(at, at + 3 + ((bytes[at + 1] << 8) | bytes[at + 2])));
  }
  return cells;
}

function join(type: number, cells: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([type, ...cells.flatMap((cell) => [...cell])]);
}

const session: SystemEvent = {
  type: 'Session',
  body: { instanceUuid: '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13', instanceType: 2, name: 'r1' },
};

describe('An event of any type', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(decodeEvent(encoded(event), receiverOf(event))).toStrictEqual(event);
      }),
      { numRuns: 500 },
    );
  });

  it('means the same in whatever order its cells stand', () => {
    fc.assert(
      fc.property(anyEvent, fc.infiniteStream(fc.nat()), (event, random) => {
        const bytes = encoded(event);
        const left = cellsOf(bytes);
        const cells: Uint8Array[] = [];
        while (left.length > 0) {
          const { 0: key } = left[random.next().value! % left.length];
          // Cells of one key keep their order, since that is the order of their items.
          const first = left.findIndex((cell) => cell[0] === key);
          cells.push(...left.splice(first, 1));
        }
        if (cells.length === 0) return;
        expect(decodeEvent(join(bytes[0], cells), receiverOf(event))).toStrictEqual(event);
      }),
      { numRuns: 300 },
    );
  });

  it('is read the same with cells of unknown keys anywhere, even twice', () => {
    fc.assert(
      fc.property(anyEvent, fc.uint8Array({ maxLength: 20 }), fc.nat(), (event, value, place) => {
        const bytes = encoded(event);
        const cells = cellsOf(bytes);
        const unknown = Uint8Array.from([255, 0, value.length, ...value]);
        cells.splice(place % (cells.length + 1), 0, unknown);
        expect(decodeEvent(join(bytes[0], [...cells, unknown]), receiverOf(event))).toStrictEqual(event);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused, with the offset, when a key that is not repeatable stands twice', () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), (event, choice) => {
        const bytes = encoded(event);
        const { table } = EVENTS[event.type] as EventType;
        const single = cellsOf(bytes).filter((cell) => table.byKey[cell[0]]!.presence !== 'repeated');
        if (single.length === 0) return;
        const twice = join(bytes[0], [...cellsOf(bytes), single[choice % single.length]]);
        expect(decodeEvent(twice, receiverOf(event))).toMatchObject({
          reason: 'EVENT_KEY_REPEATED',
          offset: bytes.length,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('cut short anywhere gives a flaw, or an event where a cell ends', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const bytes = encoded(event);
        const ends = new Set([0]);
        let end = 1;
        for (const cell of cellsOf(bytes)) ends.add((end += cell.length));
        for (let cut = 0; cut < bytes.length; cut++) {
          const outcome = decodeEvent(bytes.subarray(0, cut), receiverOf(event));
          if (!ends.has(cut)) expect(outcome).toMatchObject({ reason: 'EVENT_TRUNCATED' });
        }
      }),
      { numRuns: 50 },
    );
  });

  it('cannot be written with a value that its field cannot hold, and the error names the field', () => {
    const writer = new ByteWriter();
    const wrong = (event: SystemEvent) => () => encodeEvent(writer, event);
    expect(wrong({ type: 'TerminateStream', body: { id: -1 } })).toThrow(/TerminateStream\.id: -1 is not a id/);
    expect(wrong({ type: 'TerminateStream', body: { id: 2 ** 31 } })).toThrow(RangeError);
    expect(wrong({ type: 'TerminateStream', body: {} as never })).toThrow('TerminateStream.id is missing');
    expect(wrong({ type: 'Session', body: { ...session.body, instanceUuid: 'x' } as never })).toThrow(/instance_uuid/);
    expect(wrong({ type: 'TerminateSession', body: { reason: 'x'.repeat(1025) } })).toThrow(/reason/);
    expect(wrong({ type: 'Answer', body: { code: 0, data: new Uint8Array(65_536) } })).toThrow(/data/);
    const cvids = Array.from({ length: 1025 }, () => 7);
    expect(wrong({ type: 'KeepAlive', body: { watch: { cvids } } })).toThrow('Watch.cvids: more than 1024');
  });
});

describe('A body', () => {
  it('without cells is one zero byte', () => {
    expect(encoded({ type: 'KeepAlive', body: {} })).toEqual(Uint8Array.of(17, 0));
    expect(decodeEvent(Uint8Array.of(17, 0), 'server')).toMatchObject({ type: 'KeepAlive' });
  });

  it('of no bytes at all is cut short', () => {
    expect(decodeEvent(Uint8Array.of(17), 'server')).toMatchObject({ reason: 'EVENT_TRUNCATED', offset: 1 });
  });

  it('has no cell of key 0', () => {
    expect(decodeEvent(Uint8Array.of(17, 0, 0), 'server')).toMatchObject({ reason: 'FIELD_INVALID', offset: 1 });
    expect(decodeEvent(Uint8Array.of(17, 250, 0, 0, 0), 'server')).toMatchObject({
      reason: 'FIELD_INVALID',
      offset: 4,
    });
  });

  it('in a cell names its mistakes by their place in the whole event, and by their path', () => {
    const event = encoded({ type: 'UpdateStreamParams', body: { id: 7, params: { maxBlockBytes: 1 } } });
    const broken = Uint8Array.from([...event.subarray(0, 8), 2, 0, 6, 3, 0, 3, 0, 0, 1]);
    expect(decodeEvent(broken, 'server')).toMatchObject({
      reason: 'FIELD_INVALID',
      offset: 11,
      field: 'params.max_block_bytes',
      description: 'max_block_bytes: 3 bytes are not a u32',
    });
  });

  it('says which required field is missing, the lowest key first, after its last byte', () => {
    expect(decodeEvent(Uint8Array.of(16, 0), 'server')).toMatchObject({
      reason: 'FIELD_INVALID',
      offset: 2,
      field: 'instance_uuid',
    });
  });

  it('holds no more of a repeated field than its table says', () => {
    const candidates = Array.from({ length: 16 }, () => ({ host: '10.0.0.1', port: 1, type: 1 }));
    const event = encoded({ type: 'DirectConnection', body: { cvid: 9, candidates } });
    const [, candidate] = cellsOf(event);
    const more = Uint8Array.from([...event, ...candidate!]);
    expect(decodeEvent(event, 'server')).not.toBeInstanceOf(Flaw);
    expect(decodeEvent(more, 'server')).toMatchObject({ reason: 'FIELD_INVALID', offset: event.length });
  });
});

describe('The type of an event', () => {
  it('is refused when it is 0 or unknown', () => {
    for (const type of [0, 7, 23, 36, 99, 255]) {
      expect(decodeEvent(Uint8Array.of(type, 0), 'server')).toMatchObject({ reason: 'EVENT_TYPE_UNKNOWN', offset: 0 });
    }
    expect(decodeEvent(new Uint8Array(0), 'server')).toMatchObject({ reason: 'EVENT_TRUNCATED', offset: 0 });
  });

  it('is refused by whom it is not for, before anything else is looked at', () => {
    for (const [name, { number, category }] of Object.entries(EVENTS)) {
      for (const receiver of ['server', 'client'] as const) {
        const wrong = category === (receiver === 'server' ? 'S2C' : 'C2S');
        const outcome = decodeEvent(Uint8Array.of(number), receiver);
        expect({ name, outcome }).toMatchObject({
          outcome: { reason: wrong ? 'EVENT_CATEGORY_WRONG' : 'EVENT_TRUNCATED' },
        });
      }
    }
  });
});
