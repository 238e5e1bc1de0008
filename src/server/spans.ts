import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { EventLog } from '../base/event-log.js';
import { version } from '../base/version.js';
import type { Config } from '../config/options.js';
import { openExport, type SpanExport } from '../tracing/exporter.js';

/** A collector that is away is told of once a minute. */
const FAILURES = { burst: 1, everyMs: 60_000 };

/** What sending spans stands on. */
interface SpansDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly serverUuid: string;
}

/** Sends the server's spans where `--otlp` says; undefined where it says nothing. */
export async function openSpans(
  { otlp: url }: Pick<Config, 'otlp'>,
  { clock, log, serverUuid }: SpansDeps,
): Promise<SpanExport | undefined> {
  if (url === undefined) return undefined;
  const events = new EventLog({ clock, log, ...FAILURES });
  const failed = (why: string, spans: number) =>
    events.tell({ level: 'warn', kind: 'lost', words: 'spans could not be sent', facts: () => ({ url, why, spans }) });
  const release = version();
  const resource = {
    'service.name': 'switchyard',
    'service.version': release,
    'service.instance.id': serverUuid,
  };
  return openExport({ url, resource, version: release, clock, failed });
}
