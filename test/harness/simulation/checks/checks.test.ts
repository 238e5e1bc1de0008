import { describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../../../gen/switchyard/v1/network.js';
import { ClosedHistory } from '../../../../harness/simulation/checks/closed.js';
import { Kept } from '../../../../harness/simulation/checks/kept.js';
import { Leases } from '../../../../harness/simulation/checks/leases.js';
import { Once } from '../../../../harness/simulation/checks/once.js';
import { Orders } from '../../../../harness/simulation/checks/orders.js';
import { Replays } from '../../../../harness/simulation/checks/replays.js';
import { Sids } from '../../../../harness/simulation/checks/sids.js';
import { Silence } from '../../../../harness/simulation/checks/silence.js';
import { StreamsHistory } from '../../../../harness/simulation/checks/streams.js';
import { Wire } from '../../../../harness/simulation/checks/wire.js';
import type { SimulatedServer } from '../../../../harness/simulation/machine/server.js';
import { StatusCode, SwitchyardError } from '../../../../src/client/index.js';
import type { Command } from '../../../../src/core/model/command.js';
import { CloseReason } from '../../../../src/core/model/session.js';
import { DEFAULT_STREAM_PARAMS } from '../../../../src/core/model/stream.js';
import { networkTopic } from '../../../../src/grpc/encode/network-topic.js';
import { Stage } from './stage.js';

const NO_METADATA = {};
const EXPIRE = (sid: number): Command => ({ kind: 'CloseSession', sid, reason: CloseReason.EXPIRED });

describe('Durable', () => {
  it('finds an answer with a position that is not durable', () => {
    const stage = new Stage((scene) => new Kept(scene));
    const position = { epoch: 'e', revision: 1n };
    stage.check.wrote?.(stage.call('GetNode'), { position });
    expect(stage.found).toBeUndefined();
    stage.check.wrote?.(stage.call('GetNode'), { position: { ...position, revision: 2n } });
    expect(stage.found).toBe('Durable');
  });
});

describe('Kept', () => {
  const heard = (stage: Stage, instanceSid: number, uuid: string) =>
    stage.check.heard?.({
      method: 'Session',
      request: { instanceUuid: uuid },
      response: { instanceSid, position: { epoch: 'e', revision: BigInt(stage.truth.last) } },
      error: undefined,
      metadata: NO_METADATA,
    });

  it('finds a session that was acknowledged and is not in the journal', () => {
    const stage = new Stage((scene) => new Kept(scene));
    const sid = stage.open(1);
    const { uuid } = stage.truth.state.sessions.get(sid)!;
    heard(stage, sid, uuid.toUpperCase());
    expect(stage.found).toBeUndefined();
    heard(stage, sid + 256, uuid);
    expect(stage.found).toBe('Kept');
  });
});

describe('Once and Refused', () => {
  const create = (name: string): Command => ({
    kind: 'CreateStream',
    sid: 514,
    params: { ...DEFAULT_STREAM_PARAMS, name },
    sinks: [258],
  });
  const played = () => {
    const stage = new Stage((scene) => new Once(scene));
    expect([stage.open(1), stage.open(2)]).toEqual([258, 514]);
    return stage;
  };

  it('finds a call that was done twice', () => {
    const stage = played();
    stage.store(create('m1'));
    stage.store(create('m2'));
    expect(stage.found).toBeUndefined();
    stage.store(create('m1'));
    expect(stage.found).toBe('Once');
  });

  it('finds a call that was refused and done all the same, whichever is heard of first', () => {
    for (const isHeardFirst of [true, false]) {
      const stage = played();
      const error = new SwitchyardError(StatusCode.UNAVAILABLE, 'full', { reason: 'JOURNAL_UNAVAILABLE' });
      const request = { params: { name: 'm1' } };
      const hear = () =>
        stage.check.heard?.({ method: 'CreateStream', request, response: undefined, error, metadata: NO_METADATA });
      if (isHeardFirst) hear();
      stage.store(create('m1'));
      if (!isHeardFirst) hear();
      expect(stage.found).toBe('Refused');
    }
  });
});

describe('Rested', () => {
  it('finds a SID that is told for a session that it was not stored for', () => {
    const stage = new Stage((scene) => new Sids(scene));
    const sid = stage.open(1);
    const call = stage.call('Session');
    Object.assign(call.asked, { path: '/switchyard.v1.SessionService/Session' });
    stage.check.wrote?.(call, { instanceSid: sid, position: { epoch: 'e', revision: 2n } });
    expect(stage.found).toBeUndefined();
    stage.check.wrote?.(call, { instanceSid: sid, position: { epoch: 'e', revision: 3n } });
    expect(stage.found).toBe('Rested');
  });

  it('finds a freed SID that comes again while others are unused', () => {
    const stage = new Stage((scene) => new Sids(scene));
    const sid = stage.open(1);
    stage.store({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
    stage.truth.state.sids.cursors.fill(0);
    expect(stage.open(2)).toBe(sid);
    expect(stage.found).toBe('Rested');
  });
});

describe('Leased', () => {
  it('finds a session that expires before its TTL is over', async () => {
    const stage = new Stage((scene) => new Leases(scene));
    const sid = stage.open(1, 10_000);
    await stage.pass(9_000);
    stage.call('KeepAlive', {}, sid);
    await stage.pass(9_000);
    stage.check.submitted?.(EXPIRE(sid));
    expect(stage.found).toBe('Leased');
  });

  it('finds a session that expires while it is attached, and none that has not been heard of', async () => {
    const stage = new Stage((scene) => new Leases(scene));
    const [silent, attached] = [stage.open(1, 10_000), stage.open(2, 10_000)];
    stage.call('Attach', {}, attached);
    await stage.pass(11_000);
    stage.check.submitted?.(EXPIRE(silent));
    expect(stage.found).toBeUndefined();
    stage.check.submitted?.(EXPIRE(attached));
    expect(stage.found).toBe('Leased');
  });

  it('finds a session that expires right after a restart', async () => {
    const stage = new Stage((scene) => new Leases(scene));
    const sid = stage.open(1, 10_000);
    await stage.pass(12_000);
    stage.check.started?.(undefined as unknown as SimulatedServer);
    await stage.pass(500);
    stage.check.submitted?.(EXPIRE(sid));
    expect(stage.found).toBe('Leased');
  });
});

describe('Ghostless', () => {
  it('finds a session that nobody renews and nobody ends', async () => {
    const stage = new Stage((scene) => new Leases(scene));
    stage.open(1, 60_000);
    await stage.pass(70_000);
    expect(stage.found).toBeUndefined();
    await stage.pass(10_000);
    expect(stage.found).toBe('Ghostless');
  });
});

describe('Audible', () => {
  it('finds a watch that hears nothing for 30 s, and an attachment for 15 s', async () => {
    for (const [method, allowedMs] of [
      ['WatchNetworkDelta', 30_000],
      ['Attach', 15_000],
    ] as const) {
      const stage = new Stage((scene) => new Silence(scene));
      stage.call(method).write({});
      await stage.pass(allowedMs);
      expect(stage.found).toBeUndefined();
      await stage.pass(1);
      expect(stage.found).toBe('Audible');
    }
  });
});

describe('Given', () => {
  const played = () => {
    const stage = new Stage((scene) => new Orders(scene));
    const sid = stage.open(1);
    stage.store({ kind: 'RequestTermination', sid, reason: 'm1', deadlineMs: 10_000 });
    return { stage, sid, orderId: `o${stage.truth.last}` };
  };

  it('finds an order that is not given on an attachment', async () => {
    const { stage, sid, orderId } = played();
    stage.call('Attach', {}, sid).write({ order: { orderId } });
    await stage.pass(3_000);
    expect(stage.found).toBeUndefined();
    stage.call('Attach', {}, sid).write({ order: { orderId: '' } });
    await stage.pass(3_000);
    expect(stage.found).toBe('Given');
  });

  it('finds an order that waits past its deadline', async () => {
    const { stage } = played();
    await stage.pass(24_000);
    expect(stage.found).toBeUndefined();
    await stage.pass(2_000);
    expect(stage.found).toBe('Given');
  });
});

describe('Replayed', () => {
  it('finds a server that has recovered another state', () => {
    const stage = new Stage((scene) => new Replays(scene));
    const other = new Stage();
    stage.open(1);
    other.open(1);
    stage.check.started?.({ state: other.truth.state } as SimulatedServer);
    expect(stage.found).toBeUndefined();
    other.truth.state.sids.cursors[2] = 9;
    stage.check.started?.({ state: other.truth.state } as SimulatedServer);
    expect(stage.found).toBe('Replayed');
  });
});

describe('Sole', () => {
  it('finds an instance with two nodes in what a watcher sees', () => {
    const stage = new Stage((scene) => new Wire(scene));
    stage.open(1);
    const held = { position: { epoch: 'e', revision: 1 }, log: { floor: 0 }, touches: { floor: 0 } };
    stage.check.started?.({ feeds: { network: held } } as unknown as SimulatedServer);
    const request = { after: { epoch: 'e', revision: 1n }, coalesce: false, cvids: [] };
    const call = stage.call('x', request);
    Object.assign(call.asked, { path: '/switchyard.v1.NetworkService/WatchNetworkDelta' });
    stage.check.arrived?.(call, undefined);
    // A core that lets the old session live would store just this.
    stage.truth.state.sessions.ofInstance = () => undefined;
    stage.open(1);
    const topic = networkTopic(stage.truth.state);
    for (const revision of [2, 3]) {
      stage.check.wrote?.(call, topic.encode({ epoch: 'e', revision }, stage.truth.at(revision)!.changes));
    }
    expect(stage.found).toBe('Sole');
  });
});

describe('the checks of other watches', () => {
  it('find an end that is left out, told twice or hidden behind a bookmark', () => {
    const stage = new Stage();
    const sids = [stage.open(1), stage.open(2)];
    for (const sid of sids) stage.store({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
    const end = (at: number, cvid: number) => {
      const position = { epoch: 'e', revision: BigInt(at) };
      const endpointClosed = { cvid, reason: CloseReason.TERMINATED as number, position, instanceUuid: '', name: '' };
      return { kind: WatchKind.DELTA, position, endpointClosed, committedAt: undefined };
    };
    const bookmark = (at: number) => ({ ...end(at, 0), kind: WatchKind.BOOKMARK, endpointClosed: undefined });
    const take = (...messages: ReturnType<typeof end | typeof bookmark>[]) => {
      const history = new ClosedHistory(stage.truth, new Set());
      return messages.map((message) => history.take(message)?.check).at(-1);
    };
    expect(take(bookmark(3), end(4, sids[0]), end(5, sids[1]))).toBeUndefined();
    expect(take(bookmark(3), end(5, sids[1]))).toBe('Reliable');
    expect(take(bookmark(4), end(4, sids[0]))).toBe('Unique');
    expect(take(bookmark(3), bookmark(5))).toBe('Bookmarkable');
    expect(take(bookmark(4), end(3, sids[0]))).toBe('Ordered');
  });

  it('find streams that are not those of the position', () => {
    const stage = new Stage();
    const history = new StreamsHistory(stage.truth);
    const position = { epoch: 'e', revision: 1n };
    expect(
      history.take({ kind: WatchKind.SNAPSHOT_END, position, changes: [], committedAt: undefined }),
    ).toBeUndefined();
    stage.open(1);
    const late = { ...position, revision: 2n };
    expect(history.take({ kind: WatchKind.BOOKMARK, position: late, changes: [], committedAt: undefined })?.check).toBe(
      'Bookmarkable',
    );
  });
});
