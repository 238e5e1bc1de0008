const MIB = 1_048_576;
/** Header bytes after which V8 is asked to collect: 2,000 calls with as much metadata as a call may have by default. */
const UNCOLLECTED_BYTES_MAX = 32 * MIB;
/** Larger than the largest block that malloc takes from its heap: the kernel gives it address space, and no memory until it is used. */
const BALLAST_BYTES = 36 * MIB;
/** Ballast that is held at once: several times what makes V8 begin a collection, and no more if it cannot end one. */
const BALLAST_MAX = 8;

/** What {@link HeaderMemory} needs of the JavaScript engine. */
export interface HeaderMemoryDeps {
  /** Makes something that V8 counts as so many bytes outside its heap. */
  readonly allocate: (bytes: number) => unknown;
  /** Calls once after the next full collection of garbage. */
  readonly onCollected: (call: () => void) => void;
}

/**
 * Bounds the memory of headers that nobody needs any more.
 *
 * node:http2 hands over each value of a header as a string whose bytes lie outside V8's heap. V8 frees it in a full collection only, and
 * does not count it among the reasons to begin one: one connection that sent fields of 60 KB, each refused, made a server grow by
 * 900 MiB in half a minute. So when the headers since the last full collection are large, ballast is held until the next one: V8 counts
 * it, and collects.
 */
export class HeaderMemory {
  readonly #deps: HeaderMemoryDeps;
  #bytes = 0;
  #ballast: unknown[] = [];

  constructor(deps: HeaderMemoryDeps = engine()) {
    this.#deps = deps;
    this.#watch();
  }

  /** Bytes of headers that came since the last full collection. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Headers of so many bytes have come. */
  came(bytes: number): void {
    this.#bytes += bytes;
    const { length } = this.#ballast;
    if (length < BALLAST_MAX && this.#bytes >= UNCOLLECTED_BYTES_MAX * (length + 1)) this.#hold();
  }

  #watch(): void {
    this.#deps.onCollected(() => {
      this.#bytes = 0;
      this.#ballast = [];
      this.#watch();
    });
  }

  #hold(): void {
    try {
      this.#ballast.push(this.#deps.allocate(BALLAST_BYTES));
    } catch {
      // There was no address space for it. V8 has collected everything before it says so.
    }
  }
}

function engine(): HeaderMemoryDeps {
  // Not a WeakRef: to ask it keeps alive what it refers to, through a collection that is under way.
  const registry = new FinalizationRegistry<() => void>((call) => call());
  return {
    allocate: (bytes) => new ArrayBuffer(bytes),
    // Collections of the young generation keep it.
    onCollected: (call) => registry.register({}, call),
  };
}
