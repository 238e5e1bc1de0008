import type { Tracer } from '../../tracing/tracer.js';
import { failureName } from '../error.js';
import type { PeerStream } from './peer-stream.js';

/**
 * Connects under a span that ends when there is a stream, or none will be: what is asked, ordered and opened for it belongs to that
 * span, also at the peer. `connect` gets its `traceparent`; undefined where nobody records it.
 */
export async function tracedConnect(
  tracer: Tracer | undefined,
  peerCvid: number,
  connect: (traceparent: string | undefined) => Promise<PeerStream>,
): Promise<PeerStream> {
  const span = tracer?.start('switchyard connect', { kind: 'internal', attributes: { 'switchyard.peer': peerCvid } });
  try {
    const stream = await connect(span?.traceparent);
    span?.set({ 'switchyard.connection': stream.connectionId, 'switchyard.path': stream.path });
    span?.end();
    return stream;
  } catch (error) {
    span?.end(failureName(error));
    throw error;
  }
}
