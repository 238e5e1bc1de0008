import { describe, expect, it } from '@jest/globals';
import { constantRandom, ManualClock } from '../../../harness/manual-clock.js';
import { ChannelPool } from '../../../src/client/channel/channel-pool.js';
import { RoamingChannel } from '../../../src/client/channel/roaming-channel.js';
import { ServerList } from '../../../src/client/channel/server-list.js';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';
import { LIMITS } from '../../../src/client/limits.js';
import { FakeChannel } from '../worlds/fake-channel.js';

const METHOD = {
  path: '/switchyard.v1.SessionService/KeepAlive',
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: () => ({}),
};
const { signal } = new AbortController();
const CALL = { metadata: {}, signal };
const away = (reason?: string, metadata = {}) =>
  new SwitchyardError(StatusCode.UNAVAILABLE, 'away', { reason, metadata });
/** What a server may name and no client goes to. */
const NO_ADDRESSES = [
  'unix:/run/a.sock',
  'unix:1',
  'dns:///a:1',
  'dns:1',
  'ipv4:127.0.0.1:1,127.0.0.2:1',
  'a',
  'a:0',
  'a:65536',
  'a b:1',
  '::1:1',
  '[::g]:1',
  '',
  `${'a'.repeat(LIMITS.serverBytesMax - 1)}:1`,
  `${'ä'.repeat(LIMITS.serverBytesMax / 2)}:1`,
];

/** A server in memory, to which a connection can be made or not. */
class FakeServer extends FakeChannel {
  isThere = true;

  async ready(): Promise<boolean> {
    return this.isThere;
  }
}

function world(addresses: readonly string[], { isEager = false } = {}) {
  const clock = new ManualClock();
  const known = new Map<string, FakeServer>();
  const at = (address: string) => {
    const server = known.get(address) ?? new FakeServer();
    known.set(address, server);
    server.answers.KeepAlive ??= () => ({ position: { epoch: 'e', revision: 7n } });
    return server;
  };
  const servers = new ServerList(addresses);
  const pool = new ChannelPool(at);
  const channel = new RoamingChannel({ pool, servers, clock, random: constantRandom(0), isEager });
  return { clock, at, servers, channel, ask: () => channel.unary(METHOD, {}, CALL) };
}

describe('a channel to several servers', () => {
  it('stays at the server at which it began for as long as that answers', async () => {
    const { at, ask } = world(['a:1', 'b:1']);
    await ask();
    await ask();
    expect([at('a:1').calls.length, at('b:1').calls.length]).toEqual([2, 0]);
  });

  it('goes through all servers to which no connection can be made until it finds one, within one call', async () => {
    const { at, ask, channel } = world(['a:1', 'b:1', 'c:1']);
    for (const address of ['a:1', 'b:1']) at(address).isThere = false;
    await ask();
    expect(channel.address).toBe('c:1');
    expect(at('a:1').calls).toEqual([]);
  });

  it('goes to each other server once without a wait, and then asks for one', async () => {
    const { channel } = world(['a:1', 'b:1', 'c:1']);
    const moved = [channel.moveOn(away()), channel.moveOn(away()), channel.moveOn(away())];
    expect(moved).toEqual([true, true, false]);
  });

  it('asks all servers again when the one that it had come to stood for long', async () => {
    const { channel, clock } = world(['a:1', 'b:1']);
    expect(channel.moveOn(away())).toBe(true);
    await clock.pass(LIMITS.steadyMs);
    expect(channel.moveOn(away())).toBe(true);
    expect(channel.address).toBe('a:1');
  });

  it('goes to one other server when two calls fail at the same one', async () => {
    const { channel, at } = world(['a:1', 'b:1', 'c:1']);
    const errors = [away(), away()];
    at('a:1').answers.KeepAlive = () => {
      throw errors[at('a:1').calls.length - 1];
    };
    for (const error of errors) await expect(channel.unary(METHOD, {}, CALL)).rejects.toBe(error);
    expect(errors.map((error) => channel.moveOn(error))).toEqual([true, true]);
    expect(channel.address).toBe('b:1');
  });

  it.each(['OVERLOADED', 'PATH_FAILED', 'ISSUER_UNAVAILABLE'])(
    'stays where a call was refused with %s, which says nothing of the server being away',
    (reason) => {
      const { channel } = world(['a:1', 'b:1']);
      expect(channel.moveOn(away(reason))).toBe(false);
      expect(channel.address).toBe('a:1');
    },
  );

  it('prefers what a server that drains has named, and asks addresses last that are told no more', () => {
    const { servers } = world(['a:1', 'b:1']);
    servers.learn(['c:1', 'd:1']);
    servers.learn(['d:1']);
    const tried = new Set<string>();
    const order: string[] = [];
    for (let next = servers.pick(tried, constantRandom(0)); next !== undefined; ) {
      order.push(next);
      tried.add(next);
      next = servers.pick(tried, constantRandom(0));
    }
    expect(order).toEqual(['d:1', 'a:1', 'b:1', 'c:1']);
  });

  it('takes nothing that a server names but HOST:PORT of at most 261 bytes', () => {
    const { servers } = world(['a:1']);
    const longest = `${'b'.repeat(LIMITS.serverBytesMax - 2)}:1`;
    servers.learn([...NO_ADDRESSES, longest, '[::1]:65535']);
    expect(servers.size).toBe(3);
    servers.learn(NO_ADDRESSES);
    expect(servers.pick(new Set(), constantRandom(0))).toBe(longest);
  });

  it('goes to a server that a refusal has named', async () => {
    const { channel, at } = world(['a:1']);
    const error = away('DRAINING', { servers: 'x:1,y:1' });
    at('a:1').answers.KeepAlive = () => {
      throw error;
    };
    await expect(channel.unary(METHOD, {}, CALL)).rejects.toBe(error);
    expect(channel.moveOn(error)).toBe(true);
    expect(channel.address).toBe('x:1');
  });

  it('says in an error which of several servers a call was made to, and nothing where there is one', async () => {
    for (const [addresses, server] of [
      [['a:1', 'b:1'], 'a:1'],
      [['a:1'], undefined],
    ] as const) {
      const { channel, at } = world(addresses);
      at('a:1').answers.KeepAlive = () => {
        throw new SwitchyardError(StatusCode.PERMISSION_DENIED, 'no');
      };
      await expect(channel.unary(METHOD, {}, CALL)).rejects.toMatchObject({ server });
      const watching = channel.serverStream(METHOD, {}, CALL)[Symbol.asyncIterator]().next();
      while (at('a:1').streams.length === 0) await Promise.resolve();
      at('a:1').stream('KeepAlive').end(away());
      await expect(watching).rejects.toMatchObject({ server });
    }
  });

  it('asks for what it has seen in the calls after it changed servers, until one is answered', async () => {
    const { channel, at, ask } = world(['a:1', 'b:1']);
    await ask();
    channel.moveOn(away());
    await ask();
    await ask();
    const sent = at('b:1').calls.map(({ call }) => call.metadata['switchyard-after']);
    expect(sent).toEqual(['7', undefined]);
  });

  it('asks for nothing that it has seen of another history once every server was behind', async () => {
    const { channel, at, ask } = world(['a:1', 'b:1']);
    await ask();
    for (let nth = 0; nth < 2; nth++) channel.moveOn(away('BEHIND'));
    await ask();
    const last = at(channel.address).calls.at(-1);
    expect(last?.call.metadata).toEqual({});
  });

  it('moves an observer on when a call of it fails, as nothing else would notice', async () => {
    const { channel, at } = world(['a:1', 'b:1'], { isEager: true });
    const error = away();
    at('a:1').answers.KeepAlive = () => {
      throw error;
    };
    await expect(channel.unary(METHOD, {}, CALL)).rejects.toBe(error);
    expect(channel.address).toBe('b:1');
  });

  it('closes the connection to a server that nobody uses any more', async () => {
    const { channel, at, ask } = world(['a:1', 'b:1']);
    await ask();
    channel.moveOn(away());
    expect([at('a:1').closed, at('b:1').closed]).toEqual([true, false]);
  });
});
