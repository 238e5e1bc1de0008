import { describe, expect, it } from '@jest/globals';
import { BLOCK_BYTES_MAX, Checked } from '../../../src/core/decide/check.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import type { Labels } from '../../../src/core/model/session.js';
import type { StreamParams } from '../../../src/core/model/stream.js';

/** The fields that a check finds wrong. */
function wrong(check: (checked: Checked) => void, limits: Partial<Limits> = {}): string[] {
  const checked = new Checked({ ...DEFAULT_LIMITS, ...limits });
  check(checked);
  return checked.violations.map(({ field }) => field);
}

/** What a check says of the first thing that it finds wrong. */
function said(check: (checked: Checked) => void): string | undefined {
  const checked = new Checked(DEFAULT_LIMITS);
  check(checked);
  return checked.violations[0]?.description;
}

describe('a UUID', () => {
  it.each([
    '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13',
    '5F1C9A20-7D3E-1B8A-9C41-2E6F0D8B7A13',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ])('of any version is taken, in lower case: %s', (uuid) => {
    const checked = new Checked(DEFAULT_LIMITS);
    expect(checked.uuid('instance_uuid', uuid)).toBe(uuid.toLowerCase());
    expect(checked.violations).toEqual([]);
  });

  it.each([
    '',
    'x',
    '5f1c9a207d3e4b8a9c412e6f0d8b7a13',
    '{5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13}',
    'urn:uuid:5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13',
    '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a1',
    '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a133',
    '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a1g',
    ' 5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13',
    '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13\n',
    '５f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13',
  ])('that is none is not: %j', (uuid) => {
    expect(wrong((checked) => checked.uuid('instance_uuid', uuid))).toEqual(['instance_uuid']);
  });

  it('that is none is shown back cut, and harmless to a terminal', () => {
    const shown = said((checked) => checked.uuid('instance_uuid', `\u001b[2J\u009b2J\u007f${'x'.repeat(10_000)}`));
    expect(shown).toContain('"\\u001b[2J\\u009b2J\\u007fxxx');
    expect(shown!.length).toBeLessThan(150);
  });
});

describe('a number', () => {
  type Check = (checked: Checked, value: number) => void;
  const type: Check = (checked, value) => checked.instanceType('f', value);
  const flavor: Check = (checked, value) => checked.instanceFlavor('f', value);
  const link: Check = (checked, value) => checked.linkType('f', value);
  const transport: Check = (checked, value) => void checked.transportType('f', value);
  const sid: Check = (checked, value) => checked.sid('f', value);
  const id: Check = (checked, value) => checked.streamId('f', value);
  const duration: Check = (checked, value) => checked.duration('f', value);
  const timeout: Check = (checked, value) => checked.streamParams('p', { timeoutMs: value });
  const block: Check = (checked, value) => checked.streamParams('p', { maxBlockBytes: value });
  const compression: Check = (checked, value) => checked.streamParams('p', { compression: value });

  it.each<[string, Check, number[], number[]]>([
    ['a type', type, [2, 7], [0, 1, 8, -1, 2.5, Number.NaN]],
    ['a flavor', flavor, [0, 31], [-1, 32, 0.5, Number.NaN]],
    ['a link type', link, [0, 1, 2], [-1, 3, 0.5]],
    ['a type of link between sessions', transport, [1, 2], [0, -1, 3, 1.5]],
    ['a SID', sid, [1, 2 ** 31 - 1], [0, -1]],
    ['a stream id', id, [1, 2 ** 31 - 1], [0, -1]],
    ['a duration', duration, [0, 1, 0.5, 1e15], [-1, -0.5, Number.NaN]],
    ['a timeout', timeout, [0, 1_000, 1_000.5, 24 * 86_400_000], [-1, 0.5, 999.9, 24 * 86_400_000 + 0.5, Number.NaN]],
    ['a block size', block, [1, BLOCK_BYTES_MAX], [0, -1, BLOCK_BYTES_MAX + 1, 1.5]],
    ['a compression', compression, [0, 1], [-1, 2, 0.5]],
  ])('as %s is taken up to its bounds and refused beyond', (_, check, good, bad) => {
    for (const value of good) expect([value, wrong((checked) => check(checked, value))]).toEqual([value, []]);
    for (const value of bad) expect([value, wrong((checked) => check(checked, value)).length]).toEqual([value, 1]);
  });

  it('as a type is refused in words that fit the mistake', () => {
    expect(said((checked) => checked.instanceType('f', 0))).toContain('is needed');
    expect(said((checked) => checked.instanceType('f', 1))).toContain('SERVER');
    expect(said((checked) => checked.instanceType('f', 8))).toContain('8 is not a type');
  });
});

describe('a text', () => {
  /** One character each of 1, 2, 3 and 4 bytes, and half a pair, which is written as a replacement of 3. */
  const characters: [string, number][] = [
    ['a', 1],
    ['é', 2],
    ['€', 3],
    ['😀', 4],
    ['\ud83d', 3],
  ];

  it.each(characters)('is measured in bytes of UTF-8: %j is %i', (character, bytes) => {
    expect(Buffer.byteLength(character)).toBe(bytes);
    const exactly = { nameBytesMax: 4 * bytes, descriptionBytesMax: 4 * bytes, labelValueBytesMax: 4 * bytes };
    const short = {
      nameBytesMax: 4 * bytes - 1,
      descriptionBytesMax: 4 * bytes - 1,
      labelValueBytesMax: 4 * bytes - 1,
    };
    const check = (checked: Checked) => {
      checked.name('name', character.repeat(4));
      checked.description('description', character.repeat(4));
      checked.labels('labels', { key: character.repeat(4) });
    };
    // Two halves in a row are no pair: neither is the first of the next.
    expect(wrong(check, exactly)).toEqual([]);
    expect(wrong(check, short)).toEqual(['name', 'description', 'labels["key"]']);
  });

  it('may be empty', () => {
    const check = (checked: Checked) => {
      checked.name('name', '');
      checked.description('description', '');
      checked.labels('labels', { key: '' });
    };
    expect(wrong(check, { nameBytesMax: 0, descriptionBytesMax: 0, labelValueBytesMax: 0 })).toEqual([]);
  });

  it.each(['\u0000', '\n', '\t', '\u001b', '\u007f', '\u0080', '\u009b', '\u009f'])(
    'that is a name has no control character: %j',
    (control) => {
      expect(wrong((checked) => checked.name('name', `a${control}b`))).toEqual(['name']);
      expect(wrong((checked) => checked.description('description', `a${control}b`))).toEqual([]);
    },
  );

  it('that is a name may have any other: \u00a0, \u202e, 名', () => {
    expect(wrong((checked) => checked.name('name', '\u0020\u00a0\u202e名'))).toEqual([]);
  });
});

describe('labels', () => {
  it.each(['a', 'A-Z_0.9/x', '__proto__', 'constructor', 'k'.repeat(63)])('have plain keys, such as %s', (key) => {
    const labels: Labels = Object.fromEntries([[key, 'value']]);
    expect(wrong((checked) => checked.labels('labels', labels))).toEqual([]);
  });

  it.each(['', ' ', 'a b', 'a:b', 'é', 'a\n', 'a=b', '"'])('have no other keys, such as %j', (key) => {
    expect(wrong((checked) => checked.labels('labels', { [key]: '' }))).toEqual([`labels[${JSON.stringify(key)}]`]);
  });

  it('have keys of 63 bytes at most, shown cut', () => {
    const [field] = wrong((checked) => checked.labels('labels', { ['k'.repeat(1_000)]: '' }));
    expect(field).toBe(`labels["${'k'.repeat(63)}"]`);
  });

  it('are as many as may be, and of more only that many are looked at', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`!${at}`, '']));
    expect(wrong((checked) => checked.labels('labels', many(2)), { labelsMax: 2 })).toHaveLength(2);
    expect(wrong((checked) => checked.labels('labels', many(1_000)), { labelsMax: 2 })).toEqual([
      'labels',
      'labels["!0"]',
      'labels["!1"]',
    ]);
  });

  it('have each of their mistakes named, key and value', () => {
    const fields = wrong((checked) => checked.labels('l', { 'a b': 'x'.repeat(256), fine: 'x'.repeat(255) }));
    expect(fields).toEqual(['l["a b"]', 'l["a b"]']);
  });
});

describe('the parameters of a stream', () => {
  it('are looked at where they are there', () => {
    expect(wrong((checked) => checked.streamParams('params', {}))).toEqual([]);
    const params: Partial<StreamParams> = {
      name: '\n',
      timeoutMs: 1,
      maxBlockBytes: 0,
      compression: 2,
      labels: { ' ': '' },
    };
    expect(wrong((checked) => checked.streamParams('params', params))).toEqual([
      'params.name',
      'params.timeout',
      'params.max_block_bytes',
      'params.compression',
      'params.labels[" "]',
    ]);
  });

  it('that are negative or no duration are one mistake, not two', () => {
    expect(wrong((checked) => checked.streamParams('p', { timeoutMs: -5 }))).toEqual(['p.timeout']);
    expect(said((checked) => checked.streamParams('p', { timeoutMs: Number.NaN }))).toContain('Duration');
  });
});
