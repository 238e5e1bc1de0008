import { ConnectionRole } from '../../../gen/switchyard/v1/connection.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import { formatTraceparent, parseTraceparent } from '../../tracing/traceparent.js';
import type { Span, Tracer } from '../../tracing/tracer.js';

/** The trace that an order belongs to; undefined: none. What is malformed is none, as it is sent on as metadata. */
export function traceOf({ kind }: Order): string | undefined {
  const parent = kind?.$case === 'connection' ? parseTraceparent(kind.value.traceparent) : undefined;
  return parent && formatTraceparent(parent);
}

/** Begins the span of carrying out an order, of those that belong to a trace and where anybody records it. */
export function orderSpan(tracer: Tracer | undefined, order: Order): Span | undefined {
  const parent = traceOf(order);
  if (order.kind?.$case !== 'connection' || parent === undefined || tracer === undefined) return undefined;
  const { role, connectionId, attempt } = order.kind.value;
  return tracer.start(`switchyard order ${ConnectionRole[role]}`, {
    kind: 'consumer',
    parent,
    attributes: { 'switchyard.connection': connectionId, ...(attempt > 0 && { 'switchyard.attempt': attempt }) },
  });
}
