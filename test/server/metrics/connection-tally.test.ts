import { describe, expect, it } from '@jest/globals';
import {
  type Attempt,
  type Connection,
  ConnectionState,
  PathKind,
  type Tried,
} from '../../../src/core/model/connection.js';
import { ConnectionTally } from '../../../src/server/metrics/connection-tally.js';

const { PUNCHING, ESTABLISHED, RELAYED, FAILED, CANCELLED } = ConnectionState;
const end = { sid: 1, reported: PathKind.UNSPECIFIED, candidates: [], publicKey: '', roundTripMs: 0, relayVersion: 0 };

function connection(id: number, state: ConnectionState, attempts: Attempt[] = [], rest: Partial<Connection> = {}) {
  const nothing = { listening: { host: '', port: 0 }, relay: undefined, reason: undefined, description: '' };
  const facts = { link: 1, askedAtMs: 0, path: PathKind.UNSPECIFIED, roundTripMs: 0 } as const;
  return { id, state, attempts, caller: end, peer: end, ...nothing, ...facts, ...rest } satisfies Connection;
}

function attempt(number: number, caller?: boolean, peer?: boolean): Attempt {
  const tried = (connected?: boolean): Tried | undefined =>
    connected === undefined ? undefined : { connected, pairs: [], tookMs: 1 };
  return { number, startedAtMs: 0, nonce: '', caller: tried(caller), peer: tried(peer) };
}

/** What is counted while connections look like this, one after the other. */
function counted(puts: readonly Connection[], before: readonly Connection[] = []): string[] {
  const said: string[] = [];
  const tally = new ConnectionTally({
    connections: before,
    attempt: (reason) => said.push(`attempt ${reason}`),
    outcome: (outcome, reason) => said.push(`${outcome} ${reason}`),
  });
  for (const [at, put] of puts.entries()) {
    tally.publish({ epoch: 'e', revision: at }, [{ kind: 'ConnectionPut', connection: put }]);
  }
  return said;
}

describe('the tally of connections', () => {
  it('counts an attempt once, when both ends have told of it', () => {
    const tried = [attempt(1, true, true)];
    expect(
      counted([
        connection(1, PUNCHING, [attempt(1)]),
        connection(1, PUNCHING, [attempt(1, true)]),
        connection(1, PUNCHING, tried),
        connection(1, ESTABLISHED, tried),
        connection(1, CANCELLED, tried, { reason: 'PEER_LEFT' }),
      ]),
    ).toEqual(['attempt ok', 'direct ok', 'cancelled PEER_LEFT']);
  });

  it('counts a connection that goes through the server, and that it moves to a direct path', () => {
    const failed = attempt(1, false, true);
    expect(
      counted([
        connection(1, PUNCHING, [attempt(1)]),
        connection(1, RELAYED, [failed]),
        connection(1, RELAYED, [failed, attempt(2)]),
        connection(1, ESTABLISHED, [failed, attempt(2, true, true)]),
      ]),
    ).toEqual(['attempt PATH_FAILED', 'relayed ok', 'attempt ok', 'upgraded ok']);
  });

  it('gives an attempt that is cut off by the end of its connection the reason of that', () => {
    const cut = connection(1, FAILED, [attempt(1, true)], { reason: 'ORDER_DEADLINE' });
    expect(counted([connection(1, PUNCHING, [attempt(1)]), cut])).toEqual([
      'attempt ORDER_DEADLINE',
      'failed ORDER_DEADLINE',
    ]);
  });

  it('counts an attempt that an end never told of when the next one begins', () => {
    const puts = [connection(1, RELAYED, [attempt(1, true)]), connection(1, RELAYED, [attempt(1, true), attempt(2)])];
    expect(counted(puts)).toEqual(['relayed ok', 'attempt ORDER_DEADLINE']);
  });

  it('does not count again what came of connections before it began', () => {
    const stands = connection(1, RELAYED, [attempt(1, false, false)]);
    const now = connection(1, RELAYED, [attempt(1, false, false), attempt(2)]);
    expect(counted([now], [stands])).toEqual([]);
  });
});
