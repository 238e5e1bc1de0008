import { asError } from '../base/errors.js';
import { version } from '../base/version.js';
import { withoutCredentials } from '../base/without-credentials.js';
import { openExport } from '../tracing/exporter.js';
import { tracesUrl } from '../tracing/traces-url.js';
import { type Surroundings, UsageError } from './surroundings.js';

/** The variables of OpenTelemetry that say where a collector is: for traces alone, whole; and for all signals. */
const TRACES_ENDPOINT = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';

/**
 * Runs a command with spans of what it does, where the variables of OpenTelemetry name a collector. What the collector does not take is
 * said once at the end, and changes nothing.
 */
export async function withTraces<Result>(
  surroundings: Surroundings,
  run: (surroundings: Surroundings) => Promise<Result>,
): Promise<Result> {
  const url = collectorOf(surroundings.env);
  if (url === undefined) return run(surroundings);
  let lost = 0;
  let why = '';
  const release = version();
  const spans = await openExport({
    url,
    resource: { 'service.name': 'switchyard-cli', 'service.version': release },
    version: release,
    clock: surroundings.clock,
    failed: (words, count) => {
      lost += count;
      why = words;
    },
  });
  try {
    // Not copied by spreading: that would open the input, which keeps the process alive.
    const tracer = { value: spans.tracer, enumerable: true };
    return await run(
      Object.create(null, { ...Object.getOwnPropertyDescriptors(surroundings), tracer }) as Surroundings,
    );
  } finally {
    await spans.close();
    if (lost > 0) await surroundings.terminal.err.write(`warning: ${lost} spans could not be sent to ${url}: ${why}`);
  }
}

/** Where traces are to be sent; undefined: nowhere. */
function collectorOf(env: Surroundings['env']): string | undefined {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return undefined;
  const name = [TRACES_ENDPOINT, ENDPOINT].find((one) => env[one]);
  const text = name === undefined ? undefined : env[name];
  if (name === undefined || text === undefined) return undefined;
  // Checked by the same rule; the one for traces alone is taken as it is.
  try {
    const url = tracesUrl(text);
    return name === TRACES_ENDPOINT ? text : url;
  } catch (error) {
    throw new UsageError(`${name}: ${JSON.stringify(withoutCredentials(text))} ${asError(error).message}`);
  }
}
