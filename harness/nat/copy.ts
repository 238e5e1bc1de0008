import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/** What a copy begins with, so that the other end counts it instead of saying it back. */
export const COPY_MARK = 0x43;

const CHUNK_BYTES = 65_536;

/** Sends so many bytes and ends its way. Answers with the milliseconds until the other end said that all had come. */
export async function giveCopy(stream: Duplex, bytes: number): Promise<number> {
  const chunk = Buffer.alloc(CHUNK_BYTES, COPY_MARK);
  const before = performance.now();
  const answered = once(stream, 'data');
  for (let left = bytes; left > 0; left -= chunk.length) {
    if (!stream.write(chunk.subarray(0, Math.min(left, chunk.length)))) await once(stream, 'drain');
  }
  stream.end();
  const [counted] = (await answered) as [Buffer];
  if (Number(counted.toString()) !== bytes) throw new Error(`${counted} bytes of ${bytes} came`);
  return performance.now() - before;
}

/** Counts what comes to its end, `first` and all that follows, and tells the sum. */
export async function takeCopy(stream: Duplex, first: Buffer): Promise<void> {
  let bytes = first.length;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(stream, 'end');
  stream.end(String(bytes));
}
