import type { Duplex } from 'node:stream';

/** What was found wrong with a stream of numbered lines. */
export interface LineFindings {
  readonly what: 'lost' | 'doubled';
  readonly line: string;
}

/** How much is on its way at most, in lines: less than the relay's window, so that a writer sees what stands still. */
const AHEAD_MAX = 512;

/** Numbered lines that one end of a connection writes, and the other checks: each once, in their order, none missing. */
export class LineStream {
  readonly findings: LineFindings[] = [];
  readonly #name: string;
  #written = 0;
  #received = 0;
  #rest = '';

  constructor(name: string) {
    this.#name = name;
  }

  /** How many have arrived. */
  get received(): number {
    return this.#received;
  }

  /** Whether all that was written has arrived. */
  get isWhole(): boolean {
    return this.#received === this.#written;
  }

  /** Writes the next line, unless too many are on their way. */
  writeTo(stream: Pick<Duplex, 'write'>): void {
    if (this.#written - this.#received >= AHEAD_MAX) return;
    this.#written++;
    stream.write(`${this.#written}\n`);
  }

  /** Takes what has arrived, in pieces of any size. */
  take(bytes: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(bytes).toString('latin1')).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#check(Number(line));
  }

  #check(number: number): void {
    const next = this.#received + 1;
    if (number < next) this.#find('doubled', `line ${number} came after line ${this.#received}`);
    else if (number > next) this.#find('lost', `line ${number} came when ${next} was due`);
    this.#received = Math.max(number, this.#received);
  }

  #find(what: LineFindings['what'], text: string): void {
    this.findings.push({ what, line: `${this.#name}: ${text}` });
  }
}
