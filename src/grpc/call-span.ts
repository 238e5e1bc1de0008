import { type Metadata, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import { rpcSpan } from '../tracing/rpc-attributes.js';
import { TRACEPARENT } from '../tracing/traceparent.js';
import type { Span, Tracer } from '../tracing/tracer.js';

/** Calls of these are traced: of those after the server's health there would be one for each probe. */
export const OWN_SERVICES = '/switchyard.';

/** Faults of the server; the other statuses say that a caller asked for what cannot be, which is no failure of a span here. */
const FAILURES: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/**
 * Makes a span of a call, from its headers to its status or its first message: a watch's span is its opening, not its life. It belongs
 * to the span that the caller names, and in the call's metadata it takes that one's place, for what follows from the call.
 */
export function traceCall(call: ServerInterceptingCallInterface, path: string, tracer: Tracer): void {
  let span: Span | undefined;
  const end = (code: status) => {
    span?.set({ 'rpc.grpc.status_code': code });
    span?.end(FAILURES.has(code) ? status[code] : undefined);
    span = undefined;
  };
  const begin = (metadata: Metadata) => {
    const [parent] = metadata.get(TRACEPARENT);
    const { name, attributes } = rpcSpan(path);
    span = tracer.start(name, { kind: 'server', attributes, ...(typeof parent === 'string' && { parent }) });
    metadata.set(TRACEPARENT, span.traceparent);
  };
  const { start, sendMessage, sendStatus } = call;
  call.start = (listener) => {
    const { onReceiveMetadata, onCancel } = listener;
    listener.onReceiveMetadata = (metadata) => {
      begin(metadata);
      onReceiveMetadata.call(listener, metadata);
    };
    listener.onCancel = () => {
      end(status.CANCELLED);
      onCancel.call(listener);
    };
    start.call(call, listener);
  };
  call.sendMessage = (message, sent) => {
    end(status.OK);
    sendMessage.call(call, message, sent);
  };
  call.sendStatus = (sent) => {
    end(sent.code ?? status.UNKNOWN);
    sendStatus.call(call, sent);
  };
}

/** The span of a call that another door passes on. */
export interface LocalSpan {
  /** Takes the place of the caller's in the call's metadata. */
  readonly traceparent: string;
  /** The call has a message, its status, or was cancelled: what comes first counts. */
  end(code: status): void;
}

/** Starts the span of a call of another door, as {@link traceCall} does it of one over gRPC; it says which door that is. */
export function startLocalSpan(
  { path, door, parent }: { readonly path: string; readonly door: string; readonly parent: string | undefined },
  tracer: Tracer,
): LocalSpan {
  const { name, attributes } = rpcSpan(path);
  const span = tracer.start(name, { kind: 'server', attributes: { ...attributes, 'switchyard.door': door }, parent });
  let isOver = false;
  return {
    traceparent: span.traceparent,
    end: (code) => {
      if (isOver) return;
      isOver = true;
      span.set({ 'rpc.grpc.status_code': code });
      span.end(FAILURES.has(code) ? status[code] : undefined);
    },
  };
}
