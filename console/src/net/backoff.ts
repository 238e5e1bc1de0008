/** Backoff between two tries. The page is whole 3 s after its server's return at the latest: one second of them is for connecting and reading. */
export const BACKOFF_MS = [250, 500, 1_000, 2_000] as const;
