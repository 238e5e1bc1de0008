import type { Target } from './target.js';

/** What a server says of the bytes that it holds for clients. */
export interface Held {
  /** Bytes of one kind. */
  readonly bytes: number;
  /** Connections of system events that were cut off, as they held the most of what is not taken. */
  readonly untaken: number;
}

/** Reads a server's metrics. The server was told to serve them. */
export async function heldOf(target: Target, kind: string): Promise<Held> {
  const text = await (await fetch(`http://${target.listening('metrics')}/metrics`)).text();
  const number = (name: string) => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length));
  };
  const bytes = number(`switchyard_held_bytes{kind="${kind}"}`);
  if (bytes === undefined) throw new Error(`the server tells no held bytes of the kind ${kind}`);
  return { bytes, untaken: number('switchyard_system_cut_off_total{cause="untaken"}') ?? 0 };
}
