import type { Position } from '../wire/messages.js';
import type { Link } from './link.js';
import type { Method } from './methods.js';
import { CODE, type RefusedError } from './refusal.js';

/** What is followed, and who is told. */
export interface FollowDeps<Answer> {
  readonly link: Link;
  readonly method: Method<Answer>;
  /** The request that continues after a position; from the beginning where there is none. */
  readonly request: (after: Position | undefined) => object;
  /** Where the last message led to; undefined to begin anew. */
  readonly position: () => Position | undefined;
  readonly told: (answer: Answer) => void;
  /** Why it has stopped for a while; undefined when it goes on. */
  readonly stopped: (refusal: RefusedError | undefined) => void;
  /** Forgets the position: what was missed cannot be told. */
  readonly forget: () => void;
}

const RETRY_MS = 2_000;
const RETRY_MS_MAX = 3_000;

/** A watch that goes on over every break and restart, from where it stood. */
export function follow<Answer>(deps: FollowDeps<Answer>): void {
  const { link, method, request, position, told, stopped, forget } = deps;
  let timer = 0;
  let cancel = () => {};
  const begin = () => {
    clearTimeout(timer);
    cancel();
    stopped(undefined);
    cancel = link.watch(method, request(position()), told, ended);
  };
  const ended = (refusal: RefusedError | undefined) => {
    // A broken connection begins anew when it stands again.
    if (link.state.value.kind !== 'open') return;
    const isPast = refusal?.code === CODE.outOfRange || refusal?.reason === 'WATCH_LAGGED';
    if (isPast) forget();
    else if (refusal !== undefined) stopped(refusal);
    timer = setTimeout(begin, isPast ? 0 : Math.min(refusal?.retryMs ?? RETRY_MS, RETRY_MS_MAX));
  };
  link.onOpen.add(begin);
  if (link.state.value.kind === 'open') begin();
}
