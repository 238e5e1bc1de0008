import { createRequire } from 'node:module';
import { OpenTelemetryTracer, type TraceApi } from './open-telemetry.js';
import type { Tracer } from './tracer.js';

/** Under this the API of OpenTelemetry, 1.x, keeps what a program has registered, for all copies of itself in the process. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');
const NAME = 'switchyard';

/** The program's own API, once it was looked for; null: it is not to be found from here. */
let api: TraceApi | null | undefined;

/**
 * The tracer of this program's own OpenTelemetry; undefined while the program has registered none. It is asked for each span, because a
 * program may register it late, and nothing is loaded before: the package alone costs some 10 ms.
 */
export function ownTracer(version: () => string): Tracer | undefined {
  const registered = (globalThis as { [REGISTERED]?: { readonly trace?: unknown } })[REGISTERED];
  if (registered?.trace === undefined) return undefined;
  if (api === undefined) api = loadApi();
  return api === null ? undefined : new OpenTelemetryTracer(api, api.trace.getTracer(NAME, version()));
}

function loadApi(): TraceApi | null {
  try {
    return createRequire(import.meta.url)('@opentelemetry/api') as TraceApi;
  } catch {
    // The program has a copy where this package cannot see it: it is traced without these spans.
    return null;
  }
}
