/** What a browser and Node both have, and the types of neither library say. */
interface StreamsOfTheWeb {
  readonly DecompressionStream: new (
    format: 'deflate',
  ) => {
    readonly writable: { getWriter(): { write(chunk: Uint8Array): Promise<void>; close(): Promise<void> } };
    readonly readable: {
      getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(): Promise<void> };
    };
  };
}

/** Inflates zlib (RFC 1950). Rejects when it is none, or becomes more than `bytesMax`. */
export async function inflate(packed: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  const { DecompressionStream } = globalThis as unknown as StreamsOfTheWeb;
  const { writable, readable } = new DecompressionStream('deflate');
  const writer = writable.getWriter();
  const reader = readable.getReader();
  // What goes wrong with the input is told by reading.
  writer.write(packed).catch(() => {});
  writer.close().catch(() => {});
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    bytes += value.length;
    if (bytes > bytesMax) {
      await reader.cancel();
      throw new Error(`more than ${bytesMax} bytes when inflated`);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
