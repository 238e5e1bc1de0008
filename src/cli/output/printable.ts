/**
 * Text that others wrote, fit for one line of a terminal. What could move the cursor, set the clipboard, begin a line of its
 * own, turn the line around, hide, or pass for another letter is written as its number: `\u{1b}`. Applied twice it does the
 * same as once.
 *
 * `spell` writes a character in another way, for formats that have one of their own.
 */
export function printable(text: string, spell: (character: string) => string = byNumber): string {
  if (PLAIN.test(text)) return text;
  return text
    .replaceAll(WORD, (word) => (/[^\x20-\x7e]/.test(word) ? withoutLookalikes(word, spell) : word))
    .replaceAll(UNSAFE, spell);
}

/** The same for a text of many lines that this program has laid out: line ends and tabs stay. */
export function printableDocument(text: string, spell?: (character: string) => string): string {
  if (PLAIN_DOCUMENT.test(text)) return text;
  return text
    .split(/([\n\t])/)
    .map((part, at) => (at % 2 === 1 ? part : printable(part, spell)))
    .join('');
}

function byNumber(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

const PLAIN = /^[\x20-\x7e]*$/;
const PLAIN_DOCUMENT = /^[\x20-\x7e\n\t]*$/;

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/**
 * Never shown as it is: controls, line ends, characters without a width or a meaning, and spaces that are no space. The parts
 * of an emoji are held together by characters without a width, which stay there and nowhere else. Of the marks on one letter
 * four stay: more would run over the lines around it.
 */
const UNSAFE = new RegExp(
  [
    '(?<!\\p{Extended_Pictographic}[\\ufe0f\\p{Emoji_Modifier}]?)\\u200d',
    '\\u200d(?!\\p{Extended_Pictographic})',
    '(?<!\\p{Extended_Pictographic})[\\ufe0e\\ufe0f]',
    '(?![\\u200d\\ufe0e\\ufe0f])[\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]',
    '(?! )\\p{Zs}',
    '\\p{Noncharacter_Code_Point}',
    '\\u2800',
    '(?<=\\p{M}{4})\\p{M}',
  ].join('|'),
  'gu',
);

/** Scripts whose letters pass for Latin ones. */
const LIKE_LATIN = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}]/gu;
const LATIN = /\p{Script=Latin}/u;

/**
 * Words of nothing but letters that look like a Latin one in nearly every font. The small Cyrillic ones are those of
 * Chromium's policy for domains. Shorter words are too often what they seem.
 */
const ALIKE = /^[асԁеһіјӏорԛѕԝхуъЬҽпгѵѡАВЕЅІЈКМНОРСТУХѴԚԜανορυιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ\p{M}\p{N}]{3,}$/u;

/** Single letters that nobody writes a name with. */
const STRANGE = /[\u0251\u0261\u0269\u01c0\u01c3]/gu;

/** A word without letters that pass for those of another script. */
function withoutLookalikes(word: string, spell: (character: string) => string): string {
  const isMixed = LATIN.test(word) || ALIKE.test(word);
  const alone = isMixed ? word.replaceAll(LIKE_LATIN, spell) : word;
  return alone
    .replaceAll(STRANGE, spell)
    .replaceAll(COMPATIBLE, (letter) => (isAscii(letter) ? spell(letter) : letter));
}

/** Letters that exist for the sake of other standards: 𝐡, ℝ, ⅼ. Those of full width are seen to be others. */
const COMPATIBLE = /(?=[\u0100-\ufeff\u{10000}-\u{10ffff}])[\p{L}\p{Nl}]/gu;

function isAscii(letter: string): boolean {
  return PLAIN.test(letter.normalize('NFKC'));
}
