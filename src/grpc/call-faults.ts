import type { Random } from '../base/clock.js';
import { Fault } from '../core/model/fault.js';
import { SESSION_METADATA } from './caller.js';

/** What of a call says which method it is of. */
interface NamedCall {
  getPath(): string;
}

/** What tells of a fault of ours. */
interface FaultReport {
  readonly random: Pick<Random, 'bytes'>;
  readonly log: { error(facts: object, message: string): void };
}

/** A fault of ours in a call of that path. The client gets an id, and the log gets the rest under it. */
export function internalFault({ random, log }: FaultReport, path: string, error: unknown): Fault {
  const fault = Buffer.from(random.bytes(4)).toString('hex');
  log.error({ fault, method: path, err: error }, 'a call failed');
  return new Fault('INTERNAL', `fault ${fault}`);
}

/** The refusal of a call whose caller has given up. Nobody hears of it: the call is over. */
export function givenUp(): Fault {
  return new Fault('ORDER_DEADLINE', 'the call was given up');
}

/** The refusal of a method that this version documents and does not have. */
export function absent(call: NamedCall): Fault {
  return new Fault('UNIMPLEMENTED', `${methodOf(call)} is not part of this version`);
}

/** The name of the method that is called. */
export function methodOf(call: NamedCall): string | undefined {
  return call.getPath().split('/').at(-1);
}

/** The refusal of a method that needs a session. */
export function missing(call: NamedCall): Fault {
  return new Fault(
    'SESSION_TOKEN_MISSING',
    `${methodOf(call)} needs the session token as metadata ${SESSION_METADATA}`,
  );
}
