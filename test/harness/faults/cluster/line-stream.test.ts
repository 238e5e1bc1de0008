import { expect, it } from '@jest/globals';
import { LineStream } from '../../../../harness/faults/cluster/line-stream.js';

/** What a stream finds in pieces that arrive. */
function findingsOf(...pieces: readonly string[]): readonly string[] {
  const lines = new LineStream('x');
  for (const piece of pieces) lines.take(Buffer.from(piece));
  return lines.findings.map(({ what }) => what);
}

it('finds nothing in numbered lines that come in pieces of any size', () => {
  expect(findingsOf('1\n2', '\n3\n', '4', '\n5\n6\n')).toEqual([]);
});

it('finds a line that is missing, once, and goes on behind it', () => {
  expect(findingsOf('1\n3\n4\n')).toEqual(['lost']);
});

it('finds each line that comes twice', () => {
  expect(findingsOf('1\n2\n1\n2\n3\n')).toEqual(['doubled', 'doubled']);
});

it('writes no further ahead than 512 lines of a peer that takes none, and is whole once all have come', () => {
  const lines = new LineStream('x');
  const written: string[] = [];
  const stream = { write: (line: string) => written.push(line) > 0 };
  expect(lines.isWhole).toBe(true);
  for (let nth = 0; nth < 600; nth++) lines.writeTo(stream);
  expect(written).toHaveLength(512);
  expect(lines.isWhole).toBe(false);
  lines.take(Buffer.from(written.join('')));
  expect(lines.isWhole).toBe(true);
});
