import type { Limits as LimitsMessage } from '../../../gen/switchyard/journal/v1/limits.js';
import { tableOf } from '../../base/tables.js';
import { INITIAL_LIMITS, LIMIT_NAMES, type Limits } from '../../core/model/limits.js';

/** The core's limits as they are stored: all of them. */
export function packLimits(limits: Limits): LimitsMessage {
  const { ...message } = limits;
  return message;
}

/**
 * The core's limits as the core has them. One that is absent was stored by a release that did not have it, and has the
 * value that journals had until then.
 */
export function unpackLimits(message: LimitsMessage | undefined): Limits {
  return tableOf(LIMIT_NAMES, (name) => message?.[name] ?? INITIAL_LIMITS[name]);
}
