import type { GraphNode } from '../model/graph.js';
import { kindOf } from '../model/instance.js';
import { msOf } from '../net/refusal.js';
import { go, route } from '../route.js';
import { isAttached, listVersion, matchingNodes, model, sessions } from '../state.js';
import { count, labelsWord, momentWord, nameOf, spanWord } from '../text.js';
import { Nobody } from './nobody.js';
import { type Column, saveCsv, Table } from './table.js';

const COLUMNS: readonly Column<GraphNode>[] = [
  { id: 'sid', title: 'SID', cell: ({ sid }) => sid, order: ({ sid }) => sid, isNumber: true },
  { id: 'name', title: 'Name', cell: (node) => nameOf(node), order: ({ name }) => name.toLowerCase() },
  { id: 'type', title: 'Type', cell: (node) => <Kind node={node} />, order: ({ sid }) => kindOf(sid), isWide: true },
  {
    id: 'attached',
    title: 'Attached',
    cell: ({ sid }) => attachedWord(sid),
    order: ({ sid }) => attachedWord(sid),
  },
  { id: 'links', title: 'Links', cell: ({ links }) => links.size, order: ({ links }) => links.size, isNumber: true },
  {
    id: 'ttl',
    title: 'TTL',
    cell: ({ sid }) => ttlWord(sid),
    order: ({ sid }) => msOf(sessions.value.get(sid)?.ttl),
    isNumber: true,
    isWide: true,
  },
  {
    id: 'age',
    title: 'Age',
    cell: ({ sid }) => ageWord(sid),
    order: ({ sid }) => -msOf(sessions.value.get(sid)?.openedAt),
    isNumber: true,
  },
  { id: 'labels', title: 'Labels', cell: ({ labels }) => labelsWord(labels), isWide: true },
];

/** Every session that lives: the graph as a table. */
export function SessionsView() {
  listVersion.value;
  const rows = matchingNodes();
  const all = model.nodes.size - 1;
  const open = ({ sid }: GraphNode) => go({ view: 'graph', sid, cam: '' });
  return (
    <div class="view">
      <div class="bar">
        <h1>Sessions</h1>
        <p>{rows.length === all ? count(Math.max(0, all)) : `${count(rows.length)} of ${count(all)}`}</p>
        <button type="button" onClick={() => save(rows)}>
          Save as CSV
        </button>
      </div>
      <Table
        label="Sessions"
        columns={COLUMNS}
        rows={rows}
        idOf={({ sid }) => sid}
        onOpen={open}
        current={route.value.sid}
        empty={all > 0 ? <p>No session matches the query.</p> : <Nobody />}
      />
    </div>
  );
}

/** The kind of an instance, with its colour. */
export function Kind({ node: { sid } }: { node: Pick<GraphNode, 'sid'> }) {
  return (
    <span class="kind">
      <span class={`dot ${kindOf(sid)}`} aria-hidden="true" />
      {kindOf(sid)}
    </span>
  );
}

/** Whether a session is attached, in a word. */
export function attachedWord(sid: number): string {
  const attached = isAttached(sid);
  return attached === undefined ? '…' : attached ? 'yes' : 'no';
}

/** How long a session lives unrenewed. */
export function ttlWord(sid: number): string {
  const ttl = sessions.value.get(sid)?.ttl;
  return ttl === undefined ? '…' : spanWord(msOf(ttl));
}

/** For how long a session has lived. */
export function ageWord(sid: number): string {
  const openedAt = sessions.value.get(sid)?.openedAt;
  return openedAt === undefined ? '…' : spanWord(Date.now() - msOf(openedAt));
}

function save(rows: readonly GraphNode[]): void {
  saveCsv(
    'sessions.csv',
    ['sid', 'name', 'uuid', 'type', 'attached', 'links', 'ttl_ms', 'opened', 'labels'],
    rows.map(({ sid, name, uuid, links, labels }) => {
      const session = sessions.value.get(sid);
      const opened = session?.openedAt ? momentWord(msOf(session.openedAt)) : '';
      const facts = [sid, name, uuid, kindOf(sid), attachedWord(sid), links.size, msOf(session?.ttl), opened];
      return [...facts, labelsWord(labels)];
    }),
  );
}
