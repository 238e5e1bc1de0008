import { describe, expect, it } from '@jest/globals';
import { Checked } from '../../../src/core/decide/check.js';
import type { Command } from '../../../src/core/model/command.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import { LinkType } from '../../../src/core/model/link.js';
import { creating, Network, opening } from '../network.js';

const { TRANSPORT_TCP, TRANSPORT_UDP } = LinkType;

/** How each bound of the state shows: it is set to 1, something is done once, and the same again is refused. */
const STATE_BOUNDS: Partial<
  Record<keyof Limits, { reason: string; max?: number; again: (network: Network) => Command }>
> = {
  sessionsMax: { reason: 'SESSION_LIMIT', again: oneSession },
  sidBaseMax: { reason: 'SID_EXHAUSTED', again: oneSession },
  linksPerNodeMax: { reason: 'LINK_LIMIT', again: oneEndWaits },
  linksMax: { reason: 'LINK_LIMIT', max: 2, again: oneEndWaits },
  reportsPerNodeMax: { reason: 'LINK_LIMIT', again: oneReported },
  reportsMax: { reason: 'LINK_LIMIT', again: oneReported },
  streamsPerSessionMax: { reason: 'STREAM_LIMIT', again: oneStream },
  streamsMax: { reason: 'STREAM_LIMIT', again: oneStream },
  branchesPerSinkMax: { reason: 'STREAM_LIMIT', again: oneStream },
  branchesMax: { reason: 'STREAM_LIMIT', again: oneStream },
  sinksPerStreamMax: { reason: 'FIELD_INVALID', again: twoSinks },
  connectionsPendingPerSessionMax: { reason: 'CONNECTION_LIMIT', again: oneConnection },
  connectionsPendingMax: { reason: 'CONNECTION_LIMIT', again: oneConnection },
  connectionsPerSessionMax: { reason: 'CONNECTION_LIMIT', again: oneConnection },
  ordersPerSessionMax: { reason: 'ORDER_LIMIT', again: oneOrder },
};

/** The bounds of fields, which the doors check with {@link Checked}, and of what is forgotten without a refusal. */
const OTHER_BOUNDS: (keyof Limits)[] = [
  'attemptsPerConnectionMax',
  'upgradesPerConnectionMax',
  'candidatesMax',
  'connectionsFinishedMax',
  'outcomeBytesMax',
  'pairsMax',
  'publicKeyBytesMax',
  'endedMax',
  'nameBytesMax',
  'labelsMax',
  'labelKeyBytesMax',
  'labelValueBytesMax',
  'descriptionBytesMax',
  'answerDataBytesMax',
  'gatherDeadlineMs',
  'attemptDeadlineMs',
  'relayDeadlineMs',
  'relayConfirmedFrom',
];

function oneSession(network: Network): Command {
  network.open(1);
  return opening(2);
}

function oneEndWaits(network: Network): Command {
  const [sid, peer] = [network.open(1), network.open(2)];
  network.report(peer, sid, TRANSPORT_TCP);
  return { kind: 'ReportLink', sid, peer, link: TRANSPORT_TCP, established: true };
}

function oneReported(network: Network): Command {
  const [sid, peer] = [network.open(1), network.open(2)];
  network.report(sid, peer, TRANSPORT_TCP);
  return { kind: 'ReportLink', sid, peer, link: TRANSPORT_UDP, established: true };
}

function oneStream(network: Network): Command {
  const [sid, sink] = [network.open(1), network.open(2)];
  network.stream(sid, [sink]);
  return creating(sid, [sink]);
}

function twoSinks(network: Network): Command {
  const sids = [network.open(1), network.open(2), network.open(3)];
  network.stream(sids[0], [sids[1]]);
  return creating(sids[0], sids.slice(1));
}

const DRAWN = { nonce: 'n'.repeat(16), atMs: 1, deadlineMs: 1, relayed: 0 };

function oneConnection(network: Network): Command {
  const [sid, peer, third] = [network.open(1), network.open(2), network.open(3)];
  const asking = { kind: 'AskConnection', link: TRANSPORT_TCP, host: '198.51.100.1', port: 5_000 } as const;
  const drawn = { candidates: [], publicKey: 'key', roundTripMs: 0, relayVersion: 0, ...DRAWN };
  network.apply({ ...asking, ...drawn, sid, peer });
  return { ...asking, ...drawn, sid, peer: third };
}

function oneOrder(network: Network): Command {
  const sid = network.open(1);
  network.state.orders.add({ id: 'o1', sid, deadlineMs: 1, body: { kind: 'another' } as never });
  return { kind: 'RequestTermination', sid, reason: '', deadlineMs: 1 };
}

describe('every bound', () => {
  it('is in one of the tables here', () => {
    expect([...Object.keys(STATE_BOUNDS), ...OTHER_BOUNDS].sort()).toEqual(Object.keys(DEFAULT_LIMITS).sort());
  });

  it.each(Object.entries(STATE_BOUNDS))('of the state holds, and says so: %s', (name, { reason, max = 1, again }) => {
    const network = new Network({ [name]: max });
    const command = again(network);
    expect(network.refused(command).reason).toBe(reason);
    expect(new Network({ [name]: max + 1 }).state.limits[name as keyof Limits]).toBe(max + 1);
    const roomier = new Network({ [name]: max + 1 });
    expect(roomier.apply(again(roomier)).changes).not.toEqual([]);
  });

  it('of the fields counts for every door alike', () => {
    const checked = new Checked({ ...DEFAULT_LIMITS, nameBytesMax: 1, labelsMax: 0, descriptionBytesMax: 1 });
    checked.name('name', 'ab');
    checked.labels('labels', { a: '' });
    checked.description('reason', 'ab');
    expect(checked.violations.map(({ field }) => field)).toEqual(['name', 'labels', 'reason']);
  });
});
