/** The note of docs/performance.md on what a Session call costs, as a profile by hand has shown it. */
export const SESSION_COST = `## What a Session call costs

The largest items of \`node --cpu-prof\` on a server with \`--max-semi-space-size=64\` under the load of the session bench, by where the time was
spent itself. Others were at work on the machine, so the shares say more than the times.

| item | before | now | mended, or its reason |
|---|---|---|---|
| garbage collection | 20.3 % | 19.0 % | A call made 57 KB of objects and makes 46 KB; the bare rival 21 KB. 128 calls are under way at once, so a quarter of them live through each collection |
| V8 and the kernel below it | 9.0 % | 10.8 % | sockets, HTTP/2 in C, threads of lmdb |
| lmdb, the transaction of a batch | 1.6 % | 2.8 % | one for all that a turn brings |
| microtasks | 1.5 % | 2.5 % | promises between the door and the journal |
| copying entries into the feeds' histories | 2.5 % | 2.4 % | watchers resume from them |
| memory of new buffers | 0.7 % | 1.9 % | |
| HTTP/2: response headers | 2.0 % | 1.7 % | node:http2 |
| HTTP/2: request headers | 1.0 % | 1.6 % | node:http2 |
| HTTP/2: headers to name-value pairs | – | 1.5 % | node:http2 |
| shares: which holder needs room | – | 1.4 % | reads the SID of the earlier session alone now, and not the session |

Changes of streams, sessions and ends were written by generated encoders: they are written by hand now (7.2 KB of objects a call for publishing, now 2.9).
What comes of an opening was decided twice, to answer a refusal at once and to apply it: now only the refusal is looked for at first (8.9 KB a call, now 2.0).
Both together took the server's CPU for a call from 371 and 376 µs to 258 and 290 in two alternating rounds of 15,000 calls on that machine; a third
round, 390 beside 456 µs, was disturbed.`;
