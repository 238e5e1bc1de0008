import { rpcSpan } from '../../tracing/rpc-attributes.js';
import { TRACEPARENT } from '../../tracing/traceparent.js';
import { failureName, SwitchyardError } from '../error.js';
import { StatusCode } from '../status.js';
import type { Caller } from './caller.js';

/** The span of a call, or of the opening of one that goes on. */
export interface CallSpan {
  /** What goes with the call, so that the server's span belongs to this one. */
  readonly metadata: Readonly<Record<string, string>>;
  /** It was answered. Later calls do nothing. */
  done(): void;
  /** It was not. */
  failed(error: unknown): void;
}

/** Begins the span of a call, if anybody records it; a `traceparent` of the caller is passed on in any case. */
export function callSpan(caller: Pick<Caller, 'tracer'>, path: string, traceparent?: string | undefined): CallSpan {
  const { name, attributes } = rpcSpan(path);
  const span = caller.tracer()?.start(name, { kind: 'client', parent: traceparent, attributes });
  const told = span?.traceparent ?? traceparent;
  const ended = (code: StatusCode, failure?: string) => {
    span?.set({ 'rpc.grpc.status_code': code });
    span?.end(failure);
  };
  return {
    metadata: told === undefined ? {} : { [TRACEPARENT]: told },
    done: () => ended(StatusCode.OK),
    failed: (error) => {
      const code = error instanceof SwitchyardError ? error.code : StatusCode.CANCELLED;
      ended(code, failureName(error));
    },
  };
}
