import { useState } from 'preact/hooks';
import { revokeTicket } from '../actions.js';
import { countWord } from '../model/list.js';
import { kindWord, ticketState } from '../model/trust.js';
import { METHODS } from '../net/methods.js';
import { msOf } from '../net/refusal.js';
import { matchLines } from '../query.js';
import { route } from '../route.js';
import { link } from '../state.js';
import { count, many, momentWord, printable } from '../text.js';
import type { Ticket } from '../wire/trust-messages.js';
import { MayNotSee } from './administrators.js';
import { Dialog } from './dialog.js';
import { isIssuing, mayGive } from './issue-ticket.js';
import { type Polled, usePolled } from './polled.js';
import { type Column, Table } from './table.js';

const POLL_MS = 3_000;
const FIELDS = ['id', 'state', 'kind', 'role', 'names', 'for'] as const;

function columns(revoke: (ticket: Ticket) => void): readonly Column<Ticket>[] {
  return [
    { id: 'id', title: 'ID', cell: ({ ticketId }) => ticketId, order: ({ ticketId }) => ticketId },
    { id: 'state', title: 'State', cell: stateWord, order: stateWord },
    { id: 'used', title: 'Used', cell: usedWord, order: ({ used }) => used, isNumber: true },
    {
      id: 'kind',
      title: 'Kind',
      cell: ({ kind }) => kindWord(kind),
      order: ({ kind }) => kindWord(kind),
      isWide: true,
    },
    { id: 'roles', title: 'Roles', cell: ({ roles }) => roles.join(' ') || '–', isWide: true },
    { id: 'names', title: 'Names', cell: ({ names }) => printable(names) || 'any', isWide: true },
    { id: 'for', title: 'For', cell: ({ identityUuid }) => identityUuid || '–', isWide: true },
    {
      id: 'until',
      title: 'Until',
      cell: ({ expiresAt }) => momentWord(msOf(expiresAt)),
      order: ({ expiresAt }) => msOf(expiresAt),
      isWide: true,
    },
    { id: 'revoke', title: 'Revoke', cell: (ticket) => <RevokeButton ticket={ticket} onRevoke={revoke} /> },
  ];
}

/** The tickets that the server remembers, and the way to new ones. */
export function TicketsView() {
  return link.allows('ticket.issue') ? <TicketTable /> : <MayNotSee what="tickets" needs="ticket.issue" />;
}

function TicketTable() {
  const [revoking, setRevoking] = useState<Ticket>();
  const list = usePolled(METHODS.listTickets, ({ tickets }) => tickets, POLL_MS);
  const { items, isCut, problem } = list;
  const asked = matchLines(route.value.q, FIELDS);
  const rows = items.filter((ticket) => asked.matcher(fieldsOf(ticket)));
  return (
    <div class="view">
      <div class="bar">
        <h1>Tickets</h1>
        <p>{countWord(rows.length, items.length, isCut)}</p>
        <button type="button" onClick={() => (isIssuing.value = true)}>
          Issue a ticket…
        </button>
        <p class="problem">{problem || asked.problem}</p>
      </div>
      <Table
        label="Tickets"
        columns={columns(setRevoking)}
        rows={rows}
        idOf={({ ticketId }) => ticketId}
        empty={<p>{emptyWord(list)}</p>}
      />
      {revoking !== undefined && <RevokeTicket ticket={revoking} onClose={() => setRevoking(undefined)} />}
    </div>
  );
}

function RevokeButton({ ticket, onRevoke }: { ticket: Ticket; onRevoke: (ticket: Ticket) => void }) {
  if (ticket.revoked || !mayGive(ticket.roles)) return '–';
  return (
    <button
      type="button"
      class="danger"
      aria-label={`Revoke ticket ${ticket.ticketId}`}
      onClick={() => onRevoke(ticket)}
    >
      Revoke…
    </button>
  );
}

function RevokeTicket({ ticket: { ticketId, used }, onClose }: { ticket: Ticket; onClose: () => void }) {
  return (
    <Dialog title={`Revoke ticket ${ticketId}?`} onClose={onClose}>
      <p>It lets nobody in any more. {many(used, 'identity has', 'identities have')} enrolled by it.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void revokeTicket(ticketId, new FormData(event.currentTarget).has('identities'));
          onClose();
        }}
      >
        {link.allows('identity.manage') && (
          <label class="check">
            <input type="checkbox" name="identities" /> Revoke those, too: their sessions end, and they open no other
          </label>
        )}
        <div class="buttons">
          <button type="submit" class="danger">
            Revoke ticket {ticketId}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function emptyWord({ items, isCut, isRead }: Polled<Ticket>): string {
  if (isCut) return `No ticket of the first ${count(items.length)} matches the query.`;
  if (items.length > 0) return 'No ticket matches the query.';
  return isRead ? 'No ticket has been issued.' : 'Reading …';
}

function stateWord(ticket: Ticket): string {
  return ticketState(ticket, Date.now());
}

function usedWord({ used, uses }: Ticket): string {
  return `${count(used)} of ${count(uses)}`;
}

function fieldsOf(ticket: Ticket): Readonly<Record<(typeof FIELDS)[number], string>> {
  const { ticketId: id, kind, roles, names, identityUuid } = ticket;
  return { id, state: stateWord(ticket), kind: kindWord(kind), role: roles.join(' '), names, for: identityUuid };
}
