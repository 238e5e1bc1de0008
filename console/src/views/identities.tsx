import { useState } from 'preact/hooks';
import { revokeIdentity } from '../actions.js';
import { countWord } from '../model/list.js';
import { identityState, kindWord } from '../model/trust.js';
import { METHODS } from '../net/methods.js';
import { matchLines } from '../query.js';
import { route } from '../route.js';
import { link } from '../state.js';
import { count, printable } from '../text.js';
import type { Identity } from '../wire/trust-messages.js';
import { MayNotSee } from './administrators.js';
import { Dialog } from './dialog.js';
import { type Polled, usePolled } from './polled.js';
import { NodeName } from './streams.js';
import { type Column, Table } from './table.js';

/** Less often than tickets: there may be as many as there are instances. */
const POLL_MS = 5_000;
const FIELDS = ['name', 'uuid', 'state', 'kind', 'role', 'ticket'] as const;

function columns(revoke: (identity: Identity) => void): readonly Column<Identity>[] {
  return [
    { id: 'name', title: 'Name', cell: ({ name }) => printable(name) || '–', order: ({ name }) => name },
    {
      id: 'uuid',
      title: 'UUID',
      cell: ({ identityUuid }) => identityUuid,
      order: ({ identityUuid }) => identityUuid,
    },
    { id: 'state', title: 'State', cell: identityState, order: identityState },
    {
      id: 'session',
      title: 'Session',
      cell: ({ cvid }) => (cvid === 0 ? '–' : <NodeName sid={cvid} />),
      order: ({ cvid }) => cvid,
      isWide: true,
    },
    {
      id: 'kind',
      title: 'Kind',
      cell: ({ kind }) => kindWord(kind),
      order: ({ kind }) => kindWord(kind),
      isWide: true,
    },
    { id: 'roles', title: 'Roles', cell: ({ roles }) => roles.join(' ') || '–', isWide: true },
    {
      id: 'keys',
      title: 'Keys',
      cell: ({ keys }) => keys.length,
      order: ({ keys }) => keys.length,
      isNumber: true,
      isWide: true,
    },
    {
      id: 'ticket',
      title: 'Ticket',
      cell: ({ ticketId }) => ticketId || '–',
      order: ({ ticketId }) => ticketId,
      isWide: true,
    },
    { id: 'revoke', title: 'Revoke', cell: (identity) => <RevokeButton identity={identity} onRevoke={revoke} /> },
  ];
}

/** Who has shown a key, or is revoked. */
export function IdentitiesView() {
  return link.allows('identity.read') ? <IdentityTable /> : <MayNotSee what="identities" needs="identity.read" />;
}

function IdentityTable() {
  const [revoking, setRevoking] = useState<Identity>();
  const list = usePolled(METHODS.listIdentities, ({ identities }) => identities, POLL_MS);
  const { items, isCut, problem } = list;
  const asked = matchLines(route.value.q, FIELDS);
  const rows = items.filter((identity) => asked.matcher(fieldsOf(identity)));
  return (
    <div class="view">
      <div class="bar">
        <h1>Identities</h1>
        <p>{countWord(rows.length, items.length, isCut)}</p>
        <p class="problem">{problem || asked.problem}</p>
      </div>
      <Table
        label="Identities"
        columns={columns(setRevoking)}
        rows={rows}
        idOf={({ identityUuid }) => identityUuid}
        empty={<p>{emptyWord(list)}</p>}
      />
      {revoking !== undefined && <RevokeIdentity identity={revoking} onClose={() => setRevoking(undefined)} />}
    </div>
  );
}

function RevokeButton({ identity, onRevoke }: { identity: Identity; onRevoke: (identity: Identity) => void }) {
  if (identity.revoked || !link.allows('identity.manage')) return '–';
  return (
    <button
      type="button"
      class="danger"
      aria-label={`Revoke identity ${printable(identity.name) || identity.identityUuid}`}
      onClick={() => onRevoke(identity)}
    >
      Revoke…
    </button>
  );
}

function RevokeIdentity({ identity: { identityUuid, name }, onClose }: { identity: Identity; onClose: () => void }) {
  return (
    <Dialog title={`Revoke ${printable(name) || identityUuid}?`} onClose={onClose}>
      <p>
        All sessions of {identityUuid} end, and it opens none any more, with whatever key. An administrator who binds a
        key to it takes that back.
      </p>
      <div class="buttons">
        <button
          type="button"
          class="danger"
          onClick={() => {
            void revokeIdentity(identityUuid);
            onClose();
          }}
        >
          Revoke the identity
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}

function emptyWord({ items, isCut, isRead }: Polled<Identity>): string {
  if (isCut) return `No identity of the first ${count(items.length)} matches the query.`;
  if (items.length > 0) return 'No identity matches the query.';
  return isRead ? 'No instance, service or person has shown a key.' : 'Reading …';
}

function fieldsOf(identity: Identity): Readonly<Record<(typeof FIELDS)[number], string>> {
  const { name, identityUuid: uuid, kind, roles, ticketId: ticket } = identity;
  return { name, uuid, state: identityState(identity), kind: kindWord(kind), role: roles.join(' '), ticket };
}
