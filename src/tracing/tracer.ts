/** Which end of a call, an order or a piece of work a span is, in the words of OpenTelemetry. */
export type SpanKind = 'client' | 'server' | 'consumer' | 'internal';

/** What is known of a span: few values of few kinds, so that a backend can group by them. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** What a span begins with. */
export interface SpanStart {
  readonly kind: SpanKind;
  /** The `traceparent` of the span that it belongs to. Absent: the program's active span, else it begins a trace. */
  readonly parent?: string | undefined;
  readonly attributes?: SpanAttributes | undefined;
}

/** A piece of work that is under way, to be ended once. */
export interface Span {
  /** Names it to others (W3C Trace Context): what is sent with calls and orders that follow from it. */
  readonly traceparent: string;
  set(attributes: SpanAttributes): void;
  /** Ends it; `failure` says that it failed, and why. Later calls do nothing. */
  end(failure?: string): void;
}

/** Where spans go. Starting and ending one never throws and never waits. */
export interface Tracer {
  start(name: string, start: SpanStart): Span;
}
