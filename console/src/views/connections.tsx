import { countWord } from '../model/list.js';
import { METHODS } from '../net/methods.js';
import { msOf } from '../net/refusal.js';
import { go, route } from '../route.js';
import { link, listVersion, model, query } from '../state.js';
import { count, printable, spanWord, timeWord } from '../text.js';
import type { Candidate, ConnectionAttempt, ConnectionRecord } from '../wire/connection-messages.js';
import { MayNotSee } from './administrators.js';
import { usePolled } from './polled.js';
import { NodeName, nameOfSid } from './streams.js';
import { type Column, Table } from './table.js';

const POLL_MS = 2_000;
/** `switchyard.v1.ConnectionState`, by number. */
const STATES = [
  '',
  'asked',
  'ordered',
  'gathering',
  'punching',
  'established',
  'relayed',
  'failed',
  'cancelled',
] as const;
/** `switchyard.v1.CandidateType`, by number. */
const CANDIDATES = ['', 'host', 'reflexive', 'relay'] as const;

const COLUMNS: readonly Column<ConnectionRecord>[] = [
  {
    id: 'id',
    title: 'ID',
    cell: ({ connectionId }) => connectionId,
    order: ({ connectionId }) => Number(connectionId.slice(1)),
  },
  {
    id: 'caller',
    title: 'Caller',
    cell: ({ callerCvid }) => <NodeName sid={callerCvid} />,
    order: ({ callerCvid }) => nameOfSid(callerCvid),
  },
  {
    id: 'peer',
    title: 'Peer',
    cell: ({ peerCvid }) => <NodeName sid={peerCvid} />,
    order: ({ peerCvid }) => nameOfSid(peerCvid),
  },
  {
    id: 'state',
    title: 'State',
    cell: ({ state }) => <span class={`state ${STATES[state] ?? ''}`}>{STATES[state] ?? state}</span>,
    order: ({ state }) => STATES[state] ?? '',
  },
  {
    id: 'rtt',
    title: 'Round trip',
    cell: (one) => roundTripWord(one),
    order: ({ roundTrip }) => msOf(roundTrip),
    isNumber: true,
    isWide: true,
  },
  {
    id: 'attempts',
    title: 'Attempts',
    cell: ({ attempts }) => attempts.length,
    order: ({ attempts }) => attempts.length,
    isNumber: true,
    isWide: true,
  },
  {
    id: 'asked',
    title: 'Asked',
    cell: ({ askedAt }) => timeWord(msOf(askedAt)),
    order: ({ askedAt }) => msOf(askedAt),
  },
];

/** Direct connections: how each two instances reach each other, and why in this way. */
export function ConnectionsView() {
  return link.allows('network.read') ? <ConnectionTable /> : <MayNotSee what="connections" needs="network.read" />;
}

function ConnectionTable() {
  listVersion.value;
  const { items, isCut, isRead, problem } = usePolled(
    METHODS.listConnections,
    ({ connections }) => connections,
    POLL_MS,
  );
  const { matcher } = query.value;
  const rows = items.filter(({ callerCvid, peerCvid }) => {
    if (matcher === undefined) return true;
    const ends = [callerCvid, peerCvid].map((sid) => model.nodes.get(sid));
    return ends.some((node) => node !== undefined && matcher(node, { isAttached: () => undefined }));
  });
  const { sort } = route.value;
  const shown = items.find(({ connectionId }) => connectionId === route.value.reason);
  return (
    <div class="view split" key={sort === '' ? 'plain' : 'sorted'}>
      <div class="bar">
        <h1>Connections</h1>
        <p>{isCut ? countWord(rows.length, items.length, isCut) : count(rows.length)}</p>
        <p class="problem">{problem}</p>
      </div>
      <Table
        label="Connections"
        columns={COLUMNS}
        rows={rows}
        idOf={({ connectionId }) => connectionId}
        current={route.value.reason}
        onOpen={({ connectionId }) => go({ reason: connectionId })}
        empty={<p>{isRead ? 'Nobody has asked for a connection.' : 'Reading …'}</p>}
      />
      {shown !== undefined && <Trace connection={shown} />}
    </div>
  );
}

/** What was tried for one connection: its attempts on one axis of time, and the pairs of each. */
function Trace({ connection }: { connection: ConnectionRecord }) {
  const { connectionId, callerCvid, peerCvid, attempts, description, callerCandidates, peerCandidates } = connection;
  const fromMs = msOf(connection.askedAt);
  const endOf = ({ startedAt, took }: ConnectionAttempt) => msOf(startedAt) + msOf(took) - fromMs;
  const spanMs = Math.max(1, ...attempts.map(endOf));
  return (
    <section class="trace" aria-label={`Trace of ${connectionId}`}>
      <div class="bar">
        <h2>
          {connectionId}: {nameOfSid(callerCvid)} → {nameOfSid(peerCvid)}
        </h2>
        <button type="button" onClick={() => go({ reason: '' })}>
          Close
        </button>
      </div>
      {description !== '' && <p>{printable(description)}</p>}
      <div class="ends">
        <Candidates title={nameOfSid(callerCvid)} candidates={callerCandidates} />
        <Candidates title={nameOfSid(peerCvid)} candidates={peerCandidates} />
      </div>
      {attempts.length === 0 && <p class="muted">Nothing was tried yet.</p>}
      {attempts.map((attempt) => (
        <Attempt key={attempt.number} attempt={attempt} fromMs={fromMs} spanMs={spanMs} />
      ))}
    </section>
  );
}

function Attempt({ attempt, fromMs, spanMs }: { attempt: ConnectionAttempt; fromMs: number; spanMs: number }) {
  const { number, startedAt, took, pairs, description } = attempt;
  const startMs = Math.max(0, msOf(startedAt) - fromMs);
  const isGood = pairs.some(({ outcome }) => outcome === 'connected');
  const bar = { left: `${(startMs / spanMs) * 100}%`, width: `${Math.max(1, (msOf(took) / spanMs) * 100)}%` };
  return (
    <div class="attempt">
      <h3>
        Attempt {number}: after {spanWord(startMs)}, took {spanWord(msOf(took))}
      </h3>
      <div class="axis" aria-hidden="true">
        <div class={isGood ? 'good' : 'bad'} style={bar} />
      </div>
      {description !== '' && <p class="muted">{printable(description)}</p>}
      {pairs.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Caller</th>
              <th scope="col">Peer</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {pairs.map(({ local, remote, outcome }, at) => (
              <tr key={`${at} ${candidateWord(local)} ${candidateWord(remote)}`}>
                <td>{candidateWord(local)}</td>
                <td>{candidateWord(remote)}</td>
                <td class={outcome === 'connected' ? 'good' : ''}>{printable(outcome)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function Candidates({ title, candidates }: { title: string; candidates: readonly Candidate[] }) {
  return (
    <div>
      <h3>{title} may be reached at</h3>
      {candidates.length === 0 ? (
        <p class="muted">nothing that it told</p>
      ) : (
        <ul>
          {candidates.map((candidate) => (
            <li key={candidateWord(candidate)}>{candidateWord(candidate)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function candidateWord(candidate: Candidate | undefined): string {
  if (candidate === undefined || candidate.host === '') return '–';
  const { host, port, type } = candidate;
  const where = host.includes(':') ? `[${printable(host)}]` : printable(host);
  return `${where}:${port} ${CANDIDATES[type] ?? ''}`.trim();
}

function roundTripWord({ roundTrip, state }: ConnectionRecord): string {
  return roundTrip === undefined || state < 5 ? '–' : spanWord(msOf(roundTrip));
}
