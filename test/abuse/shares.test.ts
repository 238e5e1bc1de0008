import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { GrpcFrom } from '../grpc/from.js';
import { agent } from '../grpc/running.js';
import { Target } from './tools/target.js';

const SESSIONS_MAX = 64;
const CONNECTIONS = 8;
const CALLS = 400;

describe('One address that opens sessions without end', () => {
  let target: Target;
  beforeAll(async () => {
    // None of them may end meanwhile, however slow the machine: its seat would be taken again.
    target = await Target.start('--sessions-max', String(SESSIONS_MAX), '--session-ttl', '10m');
  });
  afterAll(() => target.stop());

  it('has half of them at most, and is refused the rest while others open theirs', async () => {
    let opened = 0;
    const reasons = new Set<string | undefined>();
    const observed = await target.beside(async () => {
      const connections = await Promise.all(
        Array.from({ length: CONNECTIONS }, () => GrpcFrom.connect('127.0.0.2', target.address)),
      );
      const flood = async (connection: GrpcFrom, from: number) => {
        for (let call = 0; call < CALLS; call++) {
          const outcome = await connection.ask(Sessions.session, agent(from + call));
          if ('answer' in outcome) opened++;
          else reasons.add(outcome.refusal.reason);
        }
      };
      await Promise.all(connections.map((connection, at) => flood(connection, at * CALLS)));
      // With the address' share full, a third address has its seats.
      const other = await GrpcFrom.connect('127.0.0.3', target.address);
      for (let seat = 0; seat < SESSIONS_MAX / 4; seat++) await other.get(Sessions.session, agent(1_000_000 + seat));
      await Promise.all([...connections, other].map((connection) => connection.close()));
    });
    expect(opened).toBe(SESSIONS_MAX / 2);
    expect([...reasons]).toEqual(['SESSION_LIMIT']);
    expect(observed.calls).toBeGreaterThan(0);
  }, 120_000);
});
