import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import type { WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { Lines } from '../lines.js';
import { lineOfStream, type Truth } from '../truth.js';
import type { Found } from '../verdict.js';

/** What a watch of all streams has told: at every position that it names, the streams as they were then. */
export class StreamsHistory {
  private cursor: number | undefined;
  private streams = new Lines<number>();

  constructor(private readonly truth: Truth) {}

  /** Takes the next message. Answers with what is wrong. */
  take({ kind, position, changes }: WatchStreamsResponse): Found | undefined {
    const to = Number(position?.revision ?? 0);
    if (to > this.truth.last) return { check: 'Durable', text: `streams at ${to}; ${this.truth.last} is durable` };
    if (kind === WatchKind.RESET) {
      this.cursor = undefined;
      this.streams = new Lines();
      return undefined;
    }
    const { cursor } = this;
    if (kind === WatchKind.DELTA || kind === WatchKind.BOOKMARK) {
      if (cursor === undefined) return { check: 'Ordered', text: `streams at ${to} before a snapshot was whole` };
      if (to < cursor) return { check: 'Ordered', text: `streams at ${to} after ${cursor}` };
      if (to === cursor && kind === WatchKind.DELTA) return { check: 'Unique', text: `streams at ${to} twice` };
    } else if (cursor !== undefined) {
      return { check: 'Ordered', text: `a snapshot of streams at ${to} after ${cursor}, without a RESET` };
    }
    for (const { kind: change } of changes) {
      if (change?.$case === 'put') this.streams.set(change.value.id, lineOfStream(change.value));
      else if (change?.$case === 'stopped') this.streams.set(change.value.id, undefined);
    }
    if (kind === WatchKind.SNAPSHOT) return undefined;
    this.cursor = to;
    if (this.streams.hash === this.truth.at(to)?.streamsHash) return undefined;
    return { check: kind === WatchKind.BOOKMARK ? 'Bookmarkable' : 'Faithful', text: `wrong streams at ${to}` };
  }
}
