import {
  type CandidatePair,
  type ConnectionAttempt,
  type ConnectionRecord,
  ConnectionState,
  msOf,
  PathKind,
  Reason,
} from '../../client/index.js';
import { type ConnectionFlags, withAdministrator } from '../connection.js';
import { type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import type { Surroundings } from '../surroundings.js';
import { counted, durationWord, linkWord } from '../words.js';

/** Lists direct connections that are pending, established or ended not long ago; or one with everything that was tried. */
export async function showConnections(
  id: string | undefined,
  flags: ConnectionFlags & ListFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  await withAdministrator(flags, surroundings, async (yard) => {
    if (id !== undefined) {
      const { connection } = await yard.getConnection(id, { signal });
      if (flags.json) await terminal.out.json(facts(connection));
      else await terminal.out.writeLines(story(connection));
      return;
    }
    await writeListing({ columns: COLUMNS, rows: yard.listConnections({ signal }), facts }, flags, surroundings);
  });
}

const COLUMNS: readonly Column<ConnectionRecord>[] = [
  { heading: 'ID', value: ({ connectionId }) => connectionId },
  { heading: 'CALLER', value: ({ callerCvid }) => callerCvid, right: true },
  { heading: 'PEER', value: ({ peerCvid }) => peerCvid, right: true },
  { heading: 'TYPE', value: ({ type }) => linkWord(type) },
  { heading: 'STATE', value: stateWord },
  { heading: 'ATTEMPTS', value: ({ attempts }) => attempts.length, right: true },
  {
    heading: 'ROUND TRIP',
    value: ({ roundTrip }) => (roundTrip ? durationWord(msOf(roundTrip)) : '-'),
    rank: ({ roundTrip }) => (roundTrip ? msOf(roundTrip) : -1),
    right: true,
  },
  { heading: 'WHY', value: why },
];

/** Why it is not direct, in one line. */
function why({ description, attempts, path }: ConnectionRecord): string {
  if (description !== '') return description;
  const last = attempts.at(-1);
  return path === PathKind.RELAYED && last ? meaning(last.pairs) : '-';
}

/** Everything that is known about one connection, for a person. */
function story(record: ConnectionRecord): string[] {
  const { connectionId, callerCvid, peerCvid, type, reason, description, attempts } = record;
  const lines = [`${connectionId}: ${callerCvid} to ${peerCvid}, ${linkWord(type)}: ${stateWord(record)}`];
  if (description !== '') lines.push(`  ${description}${reason ? ` (${Reason[reason]})` : ''}`);
  if (record.listeningPort > 0) {
    const at = addressOf({ host: record.listeningHost, port: record.listeningPort });
    lines.push(`  ${callerCvid} listened at ${at}, and ${peerCvid} was to dial it`);
  } else {
    lines.push(`  ${callerCvid} may be reached at ${addresses(record.callerCandidates)}`);
    lines.push(`  ${peerCvid} may be reached at ${addresses(record.peerCandidates)}`);
    if (attempts.length === 0) lines.push('  nothing was tried');
  }
  for (const attempt of attempts) lines.push(...attemptLines(attempt));
  return lines;
}

function attemptLines({ number, took, pairs, description }: ConnectionAttempt): string[] {
  const time = took ? ` after ${durationWord(msOf(took))}` : '';
  const head = `  attempt ${number}${time}: ${description || (took ? 'connected' : 'not over yet')}`;
  const tried = pairs.map(({ local, remote, outcome }) => `    ${addressOf(local)} → ${addressOf(remote)}: ${outcome}`);
  return description === '' ? [head, ...tried] : [head, ...tried, `    ${meaning(pairs)}`];
}

/** What the outcomes of an attempt mean, for people who do not know what a NAT is. */
function meaning(pairs: readonly CandidatePair[]): string {
  const outcomes = pairs.map(({ outcome }) => outcome);
  if (pairs.length === 0) return 'There was no address to try: neither side could learn how it is seen from outside.';
  if (outcomes.some((outcome) => outcome.includes('key'))) {
    return 'Somebody answered who is not the peer: its key is another one.';
  }
  if (outcomes.every((outcome) => outcome === 'no answer' || /^not (needed|dialled)/.test(outcome))) {
    return 'Nothing came through: a router on one side uses another port for every peer, or a firewall lets nothing in.';
  }
  if (outcomes.includes('refused')) {
    return 'Somebody refused: a router resets what it does not expect, or another machine has the peer’s private address.';
  }
  return `${counted(pairs.length, 'pair')} of addresses were tried, and none held.`;
}

function stateWord({ state, path }: ConnectionRecord): string {
  const word = ConnectionState[state]?.toLowerCase() ?? String(state);
  return state === ConnectionState.ESTABLISHED && path === PathKind.DIRECT ? 'direct' : word;
}

function addresses(candidates: ConnectionRecord['callerCandidates']): string {
  return candidates.map(addressOf).join(', ') || 'no address, or none that is told to you';
}

function addressOf(at: { readonly host: string; readonly port: number } | undefined): string {
  if (at === undefined) return '-';
  return at.host.includes(':') ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;
}

/** A connection for programs: the fields of the protos, with times in milliseconds and enums by name. */
function facts(record: ConnectionRecord): object {
  const { state, type, path, reason, roundTrip, ...rest } = record;
  return {
    ...rest,
    type: linkWord(type),
    state: ConnectionState[state],
    path: PathKind[path],
    reason: Reason[reason],
    roundTripMs: roundTrip && msOf(roundTrip),
  };
}
