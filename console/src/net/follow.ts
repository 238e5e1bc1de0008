import type { Position } from '../wire/messages.js';
import type { Link } from './link.js';
import type { Method } from './methods.js';
import { CODE, type RefusedError } from './refusal.js';

/** What is followed, and who is told. */
export interface FollowDeps<Answer, Cursor> {
  readonly link: Link;
  readonly method: Method<Answer>;
  /** The request that continues after a position; from the beginning where there is none. */
  readonly request: (after: Cursor | undefined) => object;
  /** Where the last message led to; undefined to begin anew. */
  readonly position: () => Cursor | undefined;
  readonly told: (answer: Answer) => void;
  /** Why it has stopped for a while; undefined when it goes on. */
  readonly stopped: (refusal: RefusedError | undefined) => void;
  /** Forgets the position: what was missed cannot be told. */
  readonly forget: () => void;
  /** Whether a refusal says that the position is of no use, beside those that every watch has for this. */
  readonly isPast?: (refusal: RefusedError) => boolean;
  /** Whether it is no use to ask this server again; without it every refusal may pass. */
  readonly isFinal?: (refusal: RefusedError) => boolean;
}

const RETRY_MS = 2_000;
const RETRY_MS_MAX = 3_000;

/** A watch that goes on over every break and restart, from where it stood. Answers with the way to end it. */
export function follow<Answer, Cursor = Position>(deps: FollowDeps<Answer, Cursor>): () => void {
  const { link, method, request, position, told, stopped, forget } = deps;
  let timer = 0;
  let cancel = () => {};
  const begin = () => {
    clearTimeout(timer);
    cancel();
    cancel = link.watch(method, request(position()), heard, ended);
  };
  // What stopped it holds until the watch says something: until then each try may be refused again.
  const heard = (answer: Answer) => {
    stopped(undefined);
    told(answer);
  };
  const hasPassed = (refusal: RefusedError) =>
    refusal.code === CODE.outOfRange || refusal.reason === 'WATCH_LAGGED' || deps.isPast?.(refusal) === true;
  const ended = (refusal: RefusedError | undefined) => {
    // A broken connection begins anew when it stands again.
    if (link.state.peek().kind !== 'open') return;
    const isPast = refusal !== undefined && hasPassed(refusal);
    if (isPast) forget();
    else if (refusal !== undefined) stopped(refusal);
    // Asked again when it is connected anew, perhaps to another server.
    if (refusal !== undefined && deps.isFinal?.(refusal)) return;
    timer = setTimeout(begin, isPast ? 0 : Math.min(refusal?.retryMs ?? RETRY_MS, RETRY_MS_MAX));
  };
  link.onOpen.add(begin);
  if (link.state.peek().kind === 'open') begin();
  return () => {
    link.onOpen.delete(begin);
    clearTimeout(timer);
    cancel();
  };
}
