/** Bounds of what is sent to a collector. Beyond them spans are lost, and nothing waits. */
export const SPAN_LIMITS = {
  /** Spans that wait to be sent: about 2 MiB. A busy server makes some thousand in a second, and they are sent each second. */
  queuedMax: 2_048,
  /** Spans in one request, so that it stays below half a megabyte. */
  batchMax: 512,
  /** How long spans wait for more: people look at a trace seconds after it happened. */
  delayMs: 1_000,
  /** How long one request may take, tries included. Meanwhile the queue fills, and what is beyond it is lost. */
  sendMs: 3_000,
  /** How long an end waits for the last requests, which are over by then: a collector that is away must not hold up a drain. */
  closeMs: 3_500,
} as const;
