import { RULES_MAX } from '../core/model/rules.js';
import { FORMAT_VERSION } from './format/frame.js';
import type { KnownNumbers } from './readers.js';

/** What this build knows. */
export const OWN_NUMBERS: KnownNumbers = { formatMax: FORMAT_VERSION, rulesMax: RULES_MAX };
