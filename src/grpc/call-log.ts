import { type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { originOfPeer } from '../shares/origin.js';
import { onCallEnd } from './call-end.js';

/** What a log of calls stands on. */
export interface CallLogDeps {
  readonly log: Pick<Logger, 'debug' | 'isLevelEnabled'>;
  readonly clock: Clock;
}

/** Logs one call at its end, at level debug: what it was, whose, what came of it, and how long it took. */
export function logCall(call: ServerInterceptingCallInterface, path: string, { log, clock }: CallLogDeps): void {
  const method = path.split('/').at(-1);
  onCallEnd(call, clock, (code, ms) => {
    const { address } = originOfPeer(call.getPeer());
    log.debug({ method, address, code: status[code], ms: Math.round(ms) }, 'a call');
  });
}
