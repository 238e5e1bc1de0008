/**
 * One line of JSON for programs. Revisions are numbers: they count commands of one journal, and a number is exact up to
 * 9 · 10¹⁵ of them.
 */
export function jsonLine(value: object): string {
  const text = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? Number(item) : item));
  return `${text}\n`;
}
