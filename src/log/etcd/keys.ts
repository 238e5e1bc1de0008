import type { KeyRange } from './store.js';

/** Digits of a number in a key: with so many, keys sort as the numbers do. */
const DIGITS = 16;
const PART_DIGITS = 8;

/** Where a network's log stands in etcd, below `/switchyard/NETWORK/`. */
export class LogKeys {
  readonly head: string;
  readonly leader: string;
  readonly marks: string;
  /** Who stores a snapshot now, if that is not the leader. */
  readonly snapshotter: string;
  /** There while a journal is copied into the network, and after that was cut short. */
  readonly copying: string;
  /** The head and the leader: what changes with every append and every term. */
  readonly ends: KeyRange;
  /** Written with every claim of a name: who has read the names knows by it that no server has come since. */
  readonly claims: string;
  /** All names that servers have. */
  readonly names: KeyRange;
  /** All batches. */
  readonly batches: KeyRange;
  /** What every server says of itself. */
  readonly servers: KeyRange;
  /** All parts of snapshots. */
  readonly snapshots: KeyRange;
  readonly #top: string;

  constructor(network: string) {
    this.#top = `/switchyard/${network}/`;
    this.head = `${this.#top}head`;
    this.leader = `${this.#top}leader`;
    this.ends = { key: this.head, end: `${this.leader}\0` };
    this.marks = `${this.#top}marks`;
    this.snapshotter = `${this.#top}snapshotter`;
    this.copying = `${this.#top}copying`;
    this.claims = `${this.#top}claims`;
    this.names = below(`${this.#top}names/`);
    this.batches = below(`${this.#top}log/`);
    this.servers = below(`${this.#top}servers/`);
    this.snapshots = below(`${this.#top}snap/`);
  }

  /** The key of one batch. */
  batch(seq: number): string {
    return `${this.batches.key}${hex(seq, DIGITS)}`;
  }

  /** The key of what one server says of itself. */
  server(name: string): string {
    return `${this.servers.key}${name}`;
  }

  /** The key of the process that has a server's name. */
  name(name: string): string {
    return `${this.names.key}${name}`;
  }

  /** The seq that a batch's key names. */
  seqOf(key: string): number {
    return Number.parseInt(key.slice(this.batches.key.length), 16);
  }

  /** All parts that one attempt at a snapshot wrote. */
  attempt(revision: number, attempt: string): KeyRange {
    return below(`${this.snapshots.key}${hex(revision, DIGITS)}/${attempt}/`);
  }

  /** One piece of a part: one that is too large for a request is stored in several. */
  piece(attempt: KeyRange, part: number, piece: number): string {
    return `${attempt.key}${hex(part, PART_DIGITS)}.${hex(piece, PART_DIGITS)}`;
  }

  /** The name of the attempt that a part is of. */
  attemptName(key: string): string {
    return key.split('/').at(-2) ?? '';
  }

  /** Which attempt's a part is, as the key range of all its parts. */
  attemptOf(key: string): KeyRange {
    return below(key.slice(0, key.lastIndexOf('/') + 1));
  }
}

/** The part that a piece's key names. */
export function partOf(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf('/') + 1), 16);
}

/** All keys that begin so. */
function below(prefix: string): KeyRange {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { key: prefix, end: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
