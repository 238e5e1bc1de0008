/** What a client did to the session of one instance, or was told of it, and when. */
export interface Operation {
  /** The instance: operations of different instances do not depend on each other. */
  readonly key: string;
  /** `open` takes the place of every earlier session; `close` ends the one of its mark; `gone`: a client was told that it has ended. */
  readonly kind: 'open' | 'close' | 'gone';
  /** Names the session. */
  readonly mark: string;
  /** Monotonic, of one clock. */
  readonly begunMs: number;
  /** When its answer came. Infinity: nobody knows what became of it, so that it may take effect at any time, or never. */
  readonly endedMs: number;
  /** What else a reader of a finding wants to know of it. */
  readonly note?: string;
}

/** What a search may look at before it gives up: a history of one instance is far below it. */
const STEPS_MAX = 2_000_000;

/**
 * Whether there is one order of all operations of an instance that explains every answer, and in which an operation that was answered
 * before another began stands before it. The result names what has none; undefined: there is one.
 *
 * The search of Wing and Gong with Lowe's memory of what was tried, for each instance alone: a history is linearizable where the
 * history of each of its objects is (Herlihy and Wing), and those are short.
 */
export function findDisorder(operations: readonly Operation[]): string | undefined {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) {
    const list = byKey.get(operation.key);
    if (list === undefined) byKey.set(operation.key, [operation]);
    else list.push(operation);
  }
  for (const [key, list] of byKey) {
    list.sort((x, y) => x.begunMs - y.begunMs);
    if (!hasOrder(list)) return `no order of the calls about instance ${key} explains their answers:\n${textOf(list)}`;
  }
  return undefined;
}

/** A place in the search: which operations have taken effect, and the mark of the session that is there then. */
interface Place {
  readonly done: bigint;
  readonly live: string;
}

function hasOrder(operations: readonly Operation[]): boolean {
  const answered = operations.reduce(
    (bits, { endedMs }, at) => (endedMs < Infinity ? bits | (1n << BigInt(at)) : bits),
    0n,
  );
  const tried = new Set<string>();
  const waiting: Place[] = [{ done: 0n, live: '' }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { done, live } = place;
    if ((done & answered) === answered) return true;
    const name = `${done.toString(36)} ${live}`;
    if (tried.has(name)) continue;
    tried.add(name);
    if (tried.size > STEPS_MAX) throw new Error(`a history of ${operations.length} calls is too long to be searched`);
    waiting.push(...nextPlaces(operations, place));
  }
  return false;
}

/** What can take effect next: whatever began before the first answer that is still to come. */
function nextPlaces(operations: readonly Operation[], { done, live }: Place): Place[] {
  const isOpen = (at: number) => (done & (1n << BigInt(at))) === 0n;
  const firstAnswerMs = operations.reduce((ms, { endedMs }, at) => (isOpen(at) ? Math.min(ms, endedMs) : ms), Infinity);
  return operations.flatMap((operation, at) => {
    if (!isOpen(at) || operation.begunMs > firstAnswerMs) return [];
    const after = effect(operation, live);
    return after === undefined ? [] : [{ done: done | (1n << BigInt(at)), live: after }];
  });
}

/** The session that is there after an operation; undefined where its answer is not what that state gives. */
function effect({ kind, mark }: Operation, live: string): string | undefined {
  if (kind === 'open') return mark;
  // A session that another has taken the place of can be ended once more, at a server that has not heard of it: it has ended then.
  if (kind === 'close') return live === mark ? '' : live;
  return live === mark ? undefined : live;
}

function textOf(operations: readonly Operation[]): string {
  return operations
    .map(
      ({ kind, mark, begunMs, endedMs, note = '' }) =>
        `  ${begunMs.toFixed(0)}–${endedMs.toFixed(0)} ms ${kind} ${mark}${note}`,
    )
    .join('\n');
}
