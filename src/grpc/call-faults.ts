import { Fault } from '../core/model/fault.js';
import { SESSION_METADATA } from './caller.js';

/** What of a call says which method it is of. */
interface NamedCall {
  getPath(): string;
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
