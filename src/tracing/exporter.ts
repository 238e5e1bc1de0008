import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Clock } from '../base/clock.js';
import { SPAN_LIMITS } from './limits.js';
import { OpenTelemetryTracer } from './open-telemetry.js';
import type { SpanAttributes, Tracer } from './tracer.js';

/** Where spans are sent, and whose they are. */
export interface ExportDeps {
  /** Where a collector takes traces as OTLP/HTTP, whole: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Who makes them: `service.name` and the like. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win. */
  readonly resource: SpanAttributes;
  readonly version: string;
  readonly clock: Clock;
  /** Told of each request that failed, with the number of spans that are lost by it. */
  readonly failed: (why: string, spans: number) => void;
}

/** Sends spans to a collector. */
export interface SpanExport {
  readonly tracer: Tracer;
  /** Sends what is left, within {@link SPAN_LIMITS}.closeMs. Never rejects. */
  close(): Promise<void>;
}

/**
 * Begins to send spans as OTLP over HTTP, in JSON. Loads what it needs only now: 0.2 s and 17 MB that nobody else pays.
 *
 * Which spans are recorded is up to OTEL_TRACES_SAMPLER, by default all whose caller has not said otherwise; headers for the collector
 * come from OTEL_EXPORTER_OTLP_HEADERS.
 */
export async function openExport({ url, resource, version, clock, failed }: ExportDeps): Promise<SpanExport> {
  const { api, sdk, otlp, resources } = await load();
  const { queuedMax, batchMax, delayMs, sendMs, closeMs } = SPAN_LIMITS;
  // One after another, but at the end all that wait, and the one that is on its way.
  const concurrencyLimit = queuedMax / batchMax + 1;
  const exporter = new ReportingExporter(
    new otlp.OTLPTraceExporter({ url, timeoutMillis: sendMs, concurrencyLimit }),
    failed,
  );
  const processor = new sdk.BatchSpanProcessor(exporter, {
    maxQueueSize: queuedMax,
    maxExportBatchSize: batchMax,
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: sendMs,
  });
  const told = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes(resource).merge(told),
    spanProcessors: [processor],
  });
  return {
    tracer: new OpenTelemetryTracer(api, provider.getTracer('switchyard', version)),
    close: () =>
      new Promise((resolve) => {
        const end = () => {
          timer.cancel();
          exporter.giveUp();
          resolve();
        };
        const timer = clock.after(closeMs, end);
        // What could not be sent is reported by the exporter.
        provider.shutdown().then(end, end);
      }),
  };
}

async function load() {
  const [api, sdk, otlp, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  return { api, sdk, otlp, resources };
}

/** An exporter that reports what could not be sent: the errors of the one that it wraps go to a log that nobody has. */
class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #failed: ExportDeps['failed'];
  /** Spans in requests that have no answer yet. */
  #underWay = 0;
  #isOver = false;

  constructor(exporter: SpanExporter, failed: ExportDeps['failed']) {
    this.#exporter = exporter;
    this.#failed = failed;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.#underWay += spans.length;
    this.#exporter.export(spans, (result) => {
      this.#underWay -= spans.length;
      const isLost = result.code !== 0 && !this.#isOver;
      if (isLost) this.#failed(result.error?.message || 'the collector refused them', spans.length);
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  /** Waits for no more answers; what has none counts as lost. */
  giveUp(): void {
    if (!this.#isOver && this.#underWay > 0) this.#failed('the collector did not answer in time', this.#underWay);
    this.#isOver = true;
  }
}
