/** What of a call says whether its client has given up. */
export interface CancelledCall {
  readonly cancelled: boolean;
  once(event: 'cancelled', call: () => void): unknown;
}

/** Aborts once the client of a call has given up, or at once where it has already. */
export function signalOf(call: CancelledCall): AbortSignal {
  if (call.cancelled) return AbortSignal.abort();
  const given = new AbortController();
  call.once('cancelled', () => given.abort());
  return given.signal;
}
