import type { SpanAttributes } from './tracer.js';

/** A method's name as spans have it, without the slash before it, and what conventions want to be known of it. */
export function rpcSpan(path: string): { readonly name: string; readonly attributes: SpanAttributes } {
  const name = path.slice(1);
  const slash = name.indexOf('/');
  return {
    name,
    attributes: { 'rpc.system': 'grpc', 'rpc.service': name.slice(0, slash), 'rpc.method': name.slice(slash + 1) },
  };
}
