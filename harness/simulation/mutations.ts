import { AUDIT_MUTATIONS } from './mutations/audit.js';
import { FEED_MUTATIONS } from './mutations/feed.js';
import { HALF_CLOSED_MUTATIONS } from './mutations/half-closed.js';
import { JOURNAL_MUTATIONS } from './mutations/journal.js';
import { KEY_MUTATIONS } from './mutations/keys.js';
import { LIMITS_MUTATIONS } from './mutations/limits.js';
import { LOG_MUTATIONS } from './mutations/log.js';
import type { Mutation } from './mutations/mutation.js';
import { RELAYS_MUTATIONS } from './mutations/relays.js';
import { SESSIONS_MUTATIONS } from './mutations/sessions.js';
import { SHARES_MUTATIONS } from './mutations/shares.js';
import { TICKET_MUTATIONS } from './mutations/tickets.js';

/** Every deliberate fault, by name. Each must be found; that is what shows that faults of this kind would be. */
export const MUTATIONS: readonly Mutation[] = [
  ...JOURNAL_MUTATIONS,
  ...LOG_MUTATIONS,
  ...LIMITS_MUTATIONS,
  ...FEED_MUTATIONS,
  ...SESSIONS_MUTATIONS,
  ...SHARES_MUTATIONS,
  ...RELAYS_MUTATIONS,
  ...KEY_MUTATIONS,
  ...TICKET_MUTATIONS,
  ...AUDIT_MUTATIONS,
  ...HALF_CLOSED_MUTATIONS,
];
