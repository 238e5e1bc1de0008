/**
 * A set of things, each a line of text under a key, with a hash of them all that does not depend on their order.
 *
 * Two pictures of the same thing are compared by one number; only a report looks at the lines.
 */
export class Lines<Key extends string | number> {
  private readonly lines = new Map<Key, string>();
  private sum = 0;

  /** The same for the same lines. */
  get hash(): number {
    return this.sum;
  }

  has(key: Key): boolean {
    return this.lines.has(key);
  }

  entries(): Iterable<[Key, string]> {
    return this.lines;
  }

  all(): string[] {
    return [...this.lines.values()];
  }

  /** Puts a line, or takes it away. */
  set(key: Key, line: string | undefined): void {
    const before = this.lines.get(key);
    if (before === line) return;
    if (before !== undefined) this.sum = (this.sum - hashOf(before)) | 0;
    if (line === undefined) this.lines.delete(key);
    else {
      this.lines.set(key, line);
      this.sum = (this.sum + hashOf(line)) | 0;
    }
  }

  copy(): Lines<Key> {
    const copy = new Lines<Key>();
    for (const [key, line] of this.lines) copy.lines.set(key, line);
    copy.sum = this.sum;
    return copy;
  }

  /** What these have and the others have not, and the other way round. */
  difference(other: Lines<Key>): string[] {
    const theirs = new Set(other.lines.values());
    const mine = new Set(this.lines.values());
    const extra = [...mine].filter((line) => !theirs.has(line)).map((line) => `has ${line}`);
    return [...extra, ...[...theirs].filter((line) => !mine.has(line)).map((line) => `lacks ${line}`)];
  }
}

/** FNV-1a. */
function hashOf(line: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < line.length; at++) hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
  return hash;
}
