import type * as Api from '@opentelemetry/api';
import { formatTraceparent, parseTraceparent } from './traceparent.js';
import type { Span, SpanKind, SpanStart, Tracer } from './tracer.js';

/** The part of `@opentelemetry/api` that is used, however it was loaded. */
export type TraceApi = Pick<typeof Api, 'trace' | 'context' | 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode'>;

/** Spans by the API of OpenTelemetry, wherever its tracer sends them. */
export class OpenTelemetryTracer implements Tracer {
  readonly #api: TraceApi;
  readonly #tracer: Api.Tracer;

  constructor(api: TraceApi, tracer: Api.Tracer) {
    this.#api = api;
    this.#tracer = tracer;
  }

  start(name: string, { kind, parent, attributes }: SpanStart): Span {
    const options = { kind: this.#kindOf(kind), ...(attributes && { attributes: { ...attributes } }) };
    return new OpenTelemetrySpan(this.#api, this.#tracer.startSpan(name, options, this.#contextOf(parent)));
  }

  #contextOf(parent: string | undefined): Api.Context {
    const { trace, context, ROOT_CONTEXT } = this.#api;
    const told = parent === undefined ? undefined : parseTraceparent(parent);
    if (told === undefined) return context.active();
    const { traceId, spanId, flags } = told;
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags & 1, isRemote: true });
  }

  #kindOf(kind: SpanKind): Api.SpanKind {
    const { CLIENT, SERVER, CONSUMER, INTERNAL } = this.#api.SpanKind;
    return { client: CLIENT, server: SERVER, consumer: CONSUMER, internal: INTERNAL }[kind];
  }
}

class OpenTelemetrySpan implements Span {
  readonly traceparent: string;
  readonly #api: TraceApi;
  readonly #span: Api.Span;
  #isOver = false;

  constructor(api: TraceApi, span: Api.Span) {
    this.#api = api;
    this.#span = span;
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = formatTraceparent({ traceId, spanId, flags: traceFlags });
  }

  set(attributes: Parameters<Span['set']>[0]): void {
    this.#span.setAttributes({ ...attributes });
  }

  end(failure?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (failure !== undefined) this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: failure });
    this.#span.end();
  }
}
