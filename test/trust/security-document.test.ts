import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AUDIT_LIMITS } from '../../src/audit/limits.js';
import { IDENTITY_BOUNDS, ROLES } from '../../src/core/model/trust/identity.js';
import { POLICY_BOUNDS } from '../../src/core/model/trust/policy.js';
import { TICKET_BOUNDS } from '../../src/core/model/trust/ticket.js';
import { ACCESS_LIMITS } from '../../src/replica/access/access-tokens.js';
import { NETWORKS_MAX } from '../../src/server/networks.js';
import { DEFAULT_ISSUER_LIMITS as OIDC_LIMITS } from '../../src/trust/oidc/limits.js';
import { DEFAULT_TRUST_LIMITS as PROOF_LIMITS } from '../../src/trust/server/limits.js';

/** The document in one line, as sentences go over the ends of lines. */
const DOCUMENT = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8').replace(/\s+/g, ' ');
const WORDS: Readonly<Record<string, number>> = { four: 4, five: 5, eight: 8, ten: 10, twenty: 20 };
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
const [KIB, MIB] = [1_024, 1_048_576];

/** What the document says, a number where `#` stands, and what the code has, in the unit of the document. */
const CLAIMS: readonly (readonly [says: string, code: number])[] = [
  ['| identities in all | # |', IDENTITY_BOUNDS.identitiesMax],
  ['| keys of an identity | # |', IDENTITY_BOUNDS.keysMax],
  ['`bind` remembers the last # barred keys', IDENTITY_BOUNDS.barredMax],
  ['An identity has up to # roles', Math.min(IDENTITY_BOUNDS.rolesMax, ROLES.length)],
  ['A person or a service may have # at once', IDENTITY_BOUNDS.sessionsMax],
  ['A #rd is refused with SESSION_LIMIT', IDENTITY_BOUNDS.sessionsMax + 1],
  ['and up to # others at the same time', IDENTITY_BOUNDS.sessionsMax - 1],
  ['| tickets that are remembered | #,', TICKET_BOUNDS.ticketsMax],
  ['of them # of one issuer that are good', TICKET_BOUNDS.perIssuerMax],
  ['| uses of a ticket | # |', TICKET_BOUNDS.usesMax],
  ['| networks besides `default` | # |', NETWORKS_MAX],
  ['| proofs that are remembered, for one minute | # |', PROOF_LIMITS.usedMax],
  ['| signatures that are verified at once | #,', PROOF_LIMITS.verifyingMax],
  ['| signatures that are verified at once | 64, and # wait', PROOF_LIMITS.waitingMax],
  ['| imported keys that are kept | #,', PROOF_LIMITS.keysKeptMax],
  ['the old one is good for # more day', PROOF_LIMITS.overlapMs / DAY],
  ['A proof is good once, for # minute', PROOF_LIMITS.nonceMs / MINUTE],
  ['get an access token for # hour', ACCESS_LIMITS.validMs / HOUR],
  ['| tokens of one issuer that are checked at once | # |', OIDC_LIMITS.checkingMax],
  ['| fetches from one issuer | one in # s', OIDC_LIMITS.retryMs / SECOND],
  ['| fetches from one issuer | one in 10 s, of # KiB', OIDC_LIMITS.documentBytesMax / KIB],
  ['| fetches from one issuer | one in 10 s, of 256 KiB, # keys', OIDC_LIMITS.keysMax],
  ['| fetches from one issuer | one in 10 s, of 256 KiB, 100 keys and # s', OIDC_LIMITS.fetchMsMax / SECOND],
  ['| tokens that were good and are remembered | #,', OIDC_LIMITS.rememberedMax],
  ['| tokens that were good and are remembered | 16,384, of # KiB each', OIDC_LIMITS.tokenLengthMax / KIB],
  ['A token is good for # day after it was issued', OIDC_LIMITS.tokenAgeMsMax / DAY],
  ['and clocks may be # minute apart', OIDC_LIMITS.skewMs / MINUTE],
  ['are found by discovery, and used for # minutes', OIDC_LIMITS.freshMs / MINUTE],
  ['but every # seconds at most', OIDC_LIMITS.retryMs / SECOND],
  ['its last keys are used for # hour', OIDC_LIMITS.keptMs / HOUR],
  ['It has at most # KiB', POLICY_BOUNDS.documentBytesMax / KIB],
  ['It has at most 256 KiB, # grants', POLICY_BOUNDS.grantsMax],
  ['1,000 grants and # tests', POLICY_BOUNDS.testsMax],
  ['With `ports`, at most # of them or ranges', POLICY_BOUNDS.portsMax],
  ['of them or ranges, and # in all grants', POLICY_BOUNDS.portsInAllMax],
  ['come with a certificate of a `trust_domain`; at most #', POLICY_BOUNDS.trustDomainsMax],
  ['whose tokens are taken, see above; at most #', POLICY_BOUNDS.issuersMax],
  ['(`relayed_bytes_per_second`, # at least)', POLICY_BOUNDS.relayedBytesPerSecondMin],
  ['a minute after a start, then every # minutes', AUDIT_LIMITS.anchorMs / MINUTE],
  ['hash: # minute after a start', AUDIT_LIMITS.anchorSoonMs / MINUTE],
  ['have one line in # s for each caller', AUDIT_LIMITS.countMs / SECOND],
  ['and at most # in all, so that a flood fills no disk', AUDIT_LIMITS.countedMax + 1],
  ['A file has # MiB at most', AUDIT_LIMITS.fileBytesMax / MIB],
  ['A file has 16 MiB at most and # are kept', AUDIT_LIMITS.filesMax],
  ['Lines wait in memory up to # MiB', AUDIT_LIMITS.pendingBytesMax / MIB],
  ['served from the files, # KiB at a time', AUDIT_LIMITS.pieceBytes / KIB],
  ['the server holds one message of each, and # may watch at once', AUDIT_LIMITS.watchesMax],
];

/** The number that the document has where the sentence has `#`. */
function numberIn(says: string): number {
  const [before, after] = says.split('#').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const found = new RegExp(`${before}([\\d,]*\\d|an?|one|${Object.keys(WORDS).join('|')})${after}`).exec(DOCUMENT)?.[1];
  if (found === undefined) throw new Error(`docs/security.md does not say: ${says}`);
  return WORDS[found] ?? (/^(an?|one)$/.test(found) ? 1 : Number(found.replaceAll(',', '')));
}

describe('docs/security.md', () => {
  it.each(CLAIMS)('has the number of the code: %s', (says, code) => {
    expect(numberIn(says)).toBe(code);
  });

  it('names tests that are there, for each line of its threat model', () => {
    const rows = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
      .split('## Threat model')[1]!
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| who | '));
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows) {
      const named = [...row.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(([, path]) => path!);
      expect(named.length).toBeGreaterThan(0);
      for (const path of named) expect(() => readFileSync(path)).not.toThrow();
    }
  });
});
