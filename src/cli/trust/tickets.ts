import { IdentityKind, type Ticket } from '../../client/index.js';
import { type ConnectionFlags, withAdministrator } from '../connection.js';
import { type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import type { Surroundings } from '../surroundings.js';
import { momentWord } from '../words.js';

/** What a ticket is to be, as the command line says it. */
export interface IssueFlags extends ConnectionFlags {
  readonly role?: readonly string[];
  readonly uses?: number;
  /** In milliseconds. */
  readonly expires?: number;
  readonly names?: string;
  readonly for?: string;
  readonly kind: keyof typeof KINDS;
  readonly address?: readonly string[];
  readonly json?: boolean;
}

/** Kinds of identities, as people write them. */
export const KINDS = {
  instance: IdentityKind.INSTANCE,
  service: IdentityKind.SERVICE,
  person: IdentityKind.PERSON,
} as const;

/** Issues a ticket, and prints its text: the only copy of the secret. */
export async function issueTicket(flags: IssueFlags, surroundings: Surroundings): Promise<void> {
  const { out } = surroundings.terminal;
  await withAdministrator(flags, surroundings, async (yard) => {
    const { role: roles, uses, expires: validForMs, names, for: identityUuid, address: addresses } = flags;
    const settings = { kind: KINDS[flags.kind], roles, uses, validForMs, names, identityUuid, addresses };
    const { text, ticket } = await yard.identities.issueTicket(settings, { signal: surroundings.signal });
    if (flags.json) return out.json({ text, ...factsOf(ticket, surroundings.clock.wallMs()) });
    await out.write(text);
  });
}

/** Lists the tickets that the server remembers. */
export async function listTickets(flags: ConnectionFlags & ListFlags, surroundings: Surroundings): Promise<void> {
  const { clock, signal } = surroundings;
  await withAdministrator(flags, surroundings, (yard) => {
    const rows = yard.identities.listTickets({ signal });
    const wallMs = clock.wallMs();
    const facts = (ticket: Ticket) => factsOf(ticket, wallMs);
    return writeListing({ columns: columnsAt(wallMs), rows, facts }, flags, surroundings);
  });
}

/** Revokes a ticket, and says who has enrolled by it. */
export async function revokeTicket(
  id: string,
  flags: ConnectionFlags & { readonly andIdentities?: boolean; readonly json?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { out } = surroundings.terminal;
  const { andIdentities = false } = flags;
  await withAdministrator(flags, surroundings, async (yard) => {
    const options = { andIdentities, signal: surroundings.signal };
    const { ticket, identityUuids } = await yard.identities.revokeTicket(id, options);
    const facts = factsOf(ticket, surroundings.clock.wallMs());
    if (flags.json) return out.json({ ...facts, identityUuids, identitiesRevoked: andIdentities });
    const enrolled = identityUuids.length === 1 ? '1 identity has' : `${identityUuids.length} identities have`;
    const fate = andIdentities ? 'and is revoked, too' : 'and stays: --and-identities revokes it';
    const fates = andIdentities ? 'and are revoked, too' : 'and stay: --and-identities revokes them';
    await out.write(
      `${id} lets nobody in any more; ${enrolled} enrolled by it ${identityUuids.length === 1 ? fate : fates}`,
    );
    await out.writeLines(identityUuids);
  });
}

const columnsAt = (wallMs: number): readonly Column<Ticket>[] => [
  { heading: 'ID', value: ({ ticketId }) => ticketId },
  { heading: 'STATE', value: (ticket) => stateOf(ticket, wallMs) },
  { heading: 'USED', value: ({ used, uses }) => `${used}/${uses}`, right: true },
  { heading: 'KIND', value: ({ kind }) => kindWord(kind) },
  { heading: 'ROLES', value: ({ roles }) => roles.join(',') || '-' },
  { heading: 'NAMES', value: ({ names }) => names || '-' },
  { heading: 'FOR', value: ({ identityUuid }) => identityUuid || '-' },
  { heading: 'UNTIL', value: ({ expiresAt }) => momentWord(expiresAt) },
];

function factsOf(ticket: Ticket, wallMs: number): object {
  return { ...ticket, kind: kindWord(ticket.kind), state: stateOf(ticket, wallMs) };
}

function stateOf({ revoked, used, uses, expiresAt }: Ticket, wallMs: number): string {
  if (revoked) return 'revoked';
  if (expiresAt !== undefined && expiresAt.getTime() <= wallMs) return 'expired';
  return used >= uses ? 'spent' : 'good';
}

function kindWord(kind: IdentityKind): string {
  const found = Object.entries(KINDS).find(([, value]) => value === kind);
  return found?.[0] ?? String(kind);
}
