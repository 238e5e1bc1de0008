import type { Metadata } from '@grpc/grpc-js';
import { Fault } from '../core/model/fault.js';
import type { Wanted } from '../replica/currency.js';
import { AFTER_METADATA, isTriedOnce, SESSION_METADATA } from './caller.js';

/** A position as a request for a watch has it. */
interface AskedPosition {
  readonly epoch: string;
  readonly revision: bigint;
}

/** What a call says of the state that it has to be answered by. */
export function wantedOf(call: { readonly metadata: Metadata; readonly request?: unknown }): Wanted | Fault {
  const [text] = call.metadata.get(AFTER_METADATA);
  const after = text === undefined ? 0 : Number(text);
  if (text !== undefined && !(/^\d{1,15}$/.test(String(text)) && Number.isSafeInteger(after))) {
    const description = 'must be a revision, in decimal digits';
    return new Fault('FIELD_INVALID', `${AFTER_METADATA}: ${description}`, [{ field: AFTER_METADATA, description }]);
  }
  const position = (call.request as { readonly after?: AskedPosition } | undefined)?.after;
  return {
    after,
    position: position && { epoch: position.epoch, revision: Number(position.revision) },
    isOfSession: call.metadata.get(SESSION_METADATA).length > 0,
    isOnce: isTriedOnce(call),
  };
}
