import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonEscape } from '../../../src/cli/output/output.js';
import { printable } from '../../../src/cli/output/printable.js';

describe('text that others wrote', () => {
  const harmful: [what: string, text: string, shown: string][] = [
    ['clears the screen', 'a\u001b[2Jb', 'a\\u{1b}[2Jb'],
    ['sets the clipboard (OSC 52)', '\u001b]52;c;cm0gLXJm\u0007', '\\u{1b}]52;c;cm0gLXJm\\u{7}'],
    ['does so by one character', '\u009d52;c;eA==\u009c', '\\u{9d}52;c;eA==\\u{9c}'],
    ['begins a line of its own', 'gone\nPassword: ', 'gone\\u{a}Password: '],
    ['writes over its line', 'gone\rPassword: ', 'gone\\u{d}Password: '],
    ['turns the line around', 'nimda\u202e', 'nimda\\u{202e}'],
    ['isolates the line', '\u2066a\u2069', '\\u{2066}a\\u{2069}'],
    ['hides between letters', 'har\u200bbour\u2060\ufeff\u00ad', 'har\\u{200b}bour\\u{2060}\\u{feff}\\u{ad}'],
    ['hides in tags', 'a\u{e0041}', 'a\\u{e0041}'],
    ['is nothing but a filler', '\u3164\u2800', '\\u{3164}\\u{2800}'],
    ['is a space that is no space', 'a\u00a0b\u3000c', 'a\\u{a0}b\\u{3000}c'],
    ['joins what is no emoji', 'a\u200db\ufe0f', 'a\\u{200d}b\\u{fe0f}'],
    ['has a Cyrillic letter among Latin ones', 'h\u0430rbour', 'h\\u{430}rbour'],
    ['has a Greek letter among Latin ones', 'harb\u03bfur', 'harb\\u{3bf}ur'],
    [
      'is Latin to the eye and Cyrillic in truth',
      '\u0440\u0430\u0443\u0440\u0430',
      '\\u{440}\\u{430}\\u{443}\\u{440}\\u{430}',
    ],
    ['is made of mathematical letters', '\u{1d421}arbour', '\\u{1d421}arbour'],
    ['runs over the lines around it', `z${'\u0335'.repeat(6)}`, 'z\u0335\u0335\u0335\u0335\\u{335}\\u{335}'],
    ['is half a character', '\ud800', '\\u{d800}'],
  ];
  it.each(harmful)('is shown by its numbers where it %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  const harmless = [
    'plain',
    'déjà 日本',
    'Москва',
    'дом у реки',
    'Αθήνα',
    'ＮＴＴ',
    '👨‍👩‍👧 ❤️ 👍🏽',
    'Gauß №5',
    'שלום',
    'a\\u{1b}',
  ];
  it.each(harmless)('stays as it is where it harms nobody: %s', (text) => {
    expect(printable(text)).toBe(text);
  });

  it('is the same when it is made printable twice, and has no control in it, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const shown = printable(text);
        expect(printable(shown)).toBe(shown);
        expect(shown).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('is the same value in JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const shown = printable(JSON.stringify({ text }), jsonEscape);
        expect(JSON.parse(shown)).toEqual({ text });
        expect(shown).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
