import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { EVENTS } from '../../../src/system/codec/event.js';
import type { EventType } from '../../../src/system/codec/event-type.js';
import { refreshed } from './document.js';
import { canonicalJson, outcomeOf } from './outcome.js';
import { allVectors, parseVectors, vectorTexts } from './vectors.js';

const PATH = new URL('../../../docs/system-events.md', import.meta.url);

describe('The document of system events', () => {
  it('has the tables that the code has (UPDATE_DOCUMENT=1 brings them up to date)', () => {
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(PATH, refreshed(readFileSync(PATH, 'utf8')));
    const document = readFileSync(PATH, 'utf8');
    expect(document).toBe(refreshed(document));
  });

  it('has links that lead somewhere', () => {
    const document = readFileSync(PATH, 'utf8');
    const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^a-z0-9 _-]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...document.matchAll(/\]\(#([^)]*)\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
    expect(links.length).toBeGreaterThan(30);
  });

  it('has examples that are vectors, word for word', () => {
    const texts = [...vectorTexts().values()];
    const examples = [...readFileSync(PATH, 'utf8').matchAll(/```vector\n([\s\S]*?)\n```/g)].map(([, block]) => block!);
    expect(examples.length).toBeGreaterThan(5);
    for (const example of examples) {
      expect(parseVectors(example)).toHaveLength(1);
      expect(texts.filter((text) => `${text}\n`.includes(`${example}\n`))).toHaveLength(1);
    }
  });
});

describe('Each vector', () => {
  it.each(allVectors().map((vector) => [vector.name, vector] as const))('%s', (_, { reading, bytes, expected }) => {
    const { value } = outcomeOf(reading, bytes);
    expect(canonicalJson(value)).toBe(canonicalJson(expected));
  });
});

describe('The vectors', () => {
  it('have names of their own', () => {
    const names = allVectors().map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('show every type of event, every answer and every field', () => {
    const shown = new Set<string>();
    const walk = (where: string, value: unknown): void => {
      if (Array.isArray(value)) for (const item of value) walk(where, item);
      else if (value !== null && typeof value === 'object') {
        for (const [name, inner] of Object.entries(value)) {
          shown.add(`${where}.${name}`);
          walk(`${where}.${name}`, inner);
        }
      }
    };
    for (const { reading, expected } of allVectors()) {
      const { type, body } = expected as { readonly type?: string; readonly body?: unknown };
      if (reading.startsWith('to-') && type !== undefined) walk(type, body);
      else walk(reading, expected);
    }
    const wanted = (Object.entries(EVENTS) as [string, EventType][]).flatMap(([name, { table, answerTable }]) => [
      ...table.slots.map((slot) => `${name}.${slot.name}`),
      ...(answerTable?.slots ?? []).map((slot) => `answer-to ${name}.${slot.name}`),
    ]);
    expect(wanted.filter((field) => !shown.has(field))).toEqual([]);
  });

  it('show every reason that reading can give', () => {
    const reasons = new Set(allVectors().map(({ expected }) => (expected as { readonly reason?: string }).reason));
    expect([...reasons].filter((reason) => reason !== undefined).sort()).toEqual([
      'EVENT_CATEGORY_WRONG',
      'EVENT_KEY_REPEATED',
      'EVENT_TRUNCATED',
      'EVENT_TYPE_UNKNOWN',
      'FIELD_INVALID',
      'PACKET_FLAGS_INVALID',
      'TOO_LARGE',
    ]);
  });
});
