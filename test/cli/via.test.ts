import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { readGraphVia } from '../../src/cli/via.js';
import { agent, ask, type Running, run } from '../grpc/running.js';

describe('The graph by system events', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'system-tcp-listen': '127.0.0.1:0' });
  });
  afterAll(() => at.stop());

  it('is the one that gRPC clients see, without the session that read it', async () => {
    const { instanceSid, serverSid } = await ask(at, Sessions.session, { ...agent(1), name: 'r1', labels: { a: 'b' } });
    const { graph, position } = await readGraphVia(`tcp://${at.server.addresses.tcp}`);
    expect([...graph.nodes()].map(({ cvid }) => cvid).sort()).toEqual([instanceSid, serverSid].sort());
    expect(graph.node(instanceSid)).toMatchObject({ name: 'r1', labels: { a: 'b' }, parent: serverSid });
    expect([...graph.links(instanceSid)]).toHaveLength(1);
    expect(position.revision).toBeGreaterThan(1);
    const { sessions } = await ask(at, Sessions.listSessions, {
      pageSize: 0,
      pageToken: '',
      instanceType: 0,
      instanceUuid: '',
    });
    expect(sessions.map(({ cvid }) => cvid)).toEqual([instanceSid]);
  });
});
