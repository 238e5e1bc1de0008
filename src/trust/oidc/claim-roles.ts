import type { ClaimRule } from '../../core/model/trust/policy.js';

/** What a token says. */
export type Claims = Readonly<Record<string, unknown>>;

/** The roles that the rules of an issuer give to those of whom a token says this, each once. */
export function claimRoles(rules: readonly ClaimRule[], claims: Claims): string[] {
  return [...new Set(rules.filter((rule) => applies(rule, claims)).flatMap(({ roles }) => roles))];
}

function applies({ claim, has }: ClaimRule, claims: Claims): boolean {
  if (claim.length === 0) return true;
  let found: unknown = claims;
  for (const name of claim) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return false;
    found = (found as Claims)[name];
  }
  return Array.isArray(found) ? found.includes(has) : found === has;
}
