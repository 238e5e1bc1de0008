import type { Act, AuditLog } from '../audit/audit-log.js';
import type { NetworkRef } from '../core/model/network.js';

/** What the doors of one network tell of an audit log that all have in common: every act says in which it was done. */
export function networkAudit(
  audit: AuditLog | undefined,
  { number, name }: NetworkRef,
): Pick<AuditLog, 'done' | 'refused' | 'watch' | 'end' | 'anchored'> | undefined {
  if (audit === undefined || number === 0) return audit;
  const here = (act: Act): Act => ({ ...act, who: `${act.who ?? 'nobody'} of network ${name}` });
  return {
    done: (act) => audit.done(here(act)),
    refused: (act, reason, outcome) => audit.refused(here(act), reason, outcome),
    watch: (after) => audit.watch(after),
    anchored: () => audit.anchored(),
    get end() {
      return audit.end;
    },
  };
}
