import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import type { Stream } from '../../../gen/switchyard/v1/stream.js';
import type { StreamChange, WatchStreamsResponse } from '../../../gen/switchyard/v1/stream_service.js';
import { Lines } from '../lines.js';
import { lineOfStream, type Truth } from '../truth.js';
import type { Found } from '../verdict.js';

/** What a watch of all streams has told: at every position that it names, the streams as they were then. */
export class StreamsHistory {
  private cursor: number | undefined;
  private streams = new Lines<number>();
  private readonly known = new Map<number, Stream>();

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
    for (const { kind: change } of changes) this.apply(change);
    if (kind === WatchKind.SNAPSHOT) return undefined;
    this.cursor = to;
    if (this.streams.hash === this.truth.at(to)?.streamsHash) return undefined;
    return { check: kind === WatchKind.BOOKMARK ? 'Bookmarkable' : 'Faithful', text: `wrong streams at ${to}` };
  }

  private apply(change: StreamChange['kind']): void {
    if (change?.$case === 'put') this.put(change.value);
    else if (change?.$case === 'stopped') {
      this.streams.set(change.value.id, undefined);
      this.known.delete(change.value.id);
    } else if (change?.$case === 'branchesLost') {
      const { id, sinkIds, position } = change.value;
      const stream = this.known.get(id);
      // A stream that was never told of leaves a picture that is wrong, which is found.
      if (stream !== undefined) {
        this.put({ ...stream, sinks: stream.sinks.filter((sink) => !sinkIds.includes(sink.id)), position });
      }
    }
  }

  private put(stream: Stream): void {
    this.known.set(stream.id, stream);
    this.streams.set(stream.id, lineOfStream(stream));
  }
}
