import { type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { originOfPeer } from '../shares/origin.js';
import { onCallEnd } from './call-end.js';
import type { CallTimes } from './call-times.js';

/** What a log of calls stands on. */
export interface CallLogDeps {
  readonly log: Pick<Logger, 'debug' | 'isLevelEnabled'>;
  readonly clock: Clock;
}

/** Logs one call at its end, at level debug: what it was, whose, what came of it, and how long it took. */
export function logCall(call: ServerInterceptingCallInterface, path: string, { log, clock }: CallLogDeps): void {
  onCallEnd(call, clock, (code, ms) => logEndedCall({ path, peer: call.getPeer() }, { code, ms }, log));
}

/** A call that is over: its method and ADDRESS:PORT of its caller. */
interface EndedCall {
  readonly path: string;
  readonly peer: string;
}

/** What came of it. */
interface Ending {
  readonly code: status;
  readonly ms: number;
}

/** Counts a call of another door of this process, and at level debug logs it, when it is over. */
export function noteLocalCall(
  call: EndedCall,
  ending: Ending,
  { log, callTimes }: Pick<CallLogDeps, 'log'> & { readonly callTimes?: Pick<CallTimes, 'record'> | undefined },
): void {
  callTimes?.record(call.path, ending.code, ending.ms);
  if (log.isLevelEnabled('debug')) logEndedCall(call, ending, log);
}

function logEndedCall({ path, peer }: EndedCall, { code, ms }: Ending, log: CallLogDeps['log']): void {
  const { address } = originOfPeer(peer);
  log.debug({ method: path.split('/').at(-1), address, code: status[code], ms: Math.round(ms) }, 'a call');
}
