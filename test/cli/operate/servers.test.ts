import { Server as GrpcServer, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ListServersResponse, Server, ServerServiceService } from '../../../gen/switchyard/v1/server.js';
import { ADMIN_TOKEN, type Running, run } from '../../grpc/running.js';
import { runCommand } from '../command.js';

/** A server that lists these. */
async function serveListing(listed: ListServersResponse) {
  const server = new GrpcServer();
  const listServers = (_: unknown, answer: sendUnaryData<ListServersResponse>) => answer(null, listed);
  server.addService(ServerServiceService, { listServers });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

describe('switchyard servers', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ name: 'yard-1' });
  });
  afterAll(() => at.stop());
  const asked = (...more: string[]) =>
    runCommand(['servers', '--server', at.address, '--admin-token', ADMIN_TOKEN, ...more]);

  it('shows an administrator the servers of the network as a table', async () => {
    const { status, out, err } = await asked();
    expect([status, err]).toEqual([0, 'format 2 and rules 1 in use\n']);
    expect(out).toMatch(/^NAME +ROLE +TERM +LAG +SESSIONS +REVISION +READS +ADDRESS +TOLD\n/);
    expect(out).toMatch(new RegExp(`\nyard-1 +leader +1 +0ms +0 +\\d+ +4/1 +${at.address} +now\n$`));
  });

  it('prints an object for each server for programs', async () => {
    const facts = JSON.parse((await asked('--json')).out);
    expect(facts).toMatchObject({ name: 'yard-1', role: 'leader', lagMs: 0, sessions: 0, ready: true, toldAgoMs: 0 });
    expect(facts.addresses.grpc).toBe(at.address);
    expect(facts).toMatchObject({ formatMax: 4, rulesMax: 1, formatInUse: 2, rulesInUse: 1 });
  });

  it('says nothing of formats and rules where the server that is asked is of a build that does not', async () => {
    const yard = await serveListing({
      position: { epoch: 'e', revision: 1n },
      format: 0,
      rules: 0,
      servers: [Server.fromPartial({ name: 'old' })],
    });
    try {
      const { status, out, err } = await runCommand([
        'servers',
        '--server',
        yard.address,
        '--admin-token',
        ADMIN_TOKEN,
      ]);
      expect([status, err]).toEqual([0, '']);
      expect(out).toMatch(/\nold .* - /);
      const { out: json } = await runCommand([
        'servers',
        '--json',
        '--server',
        yard.address,
        '--admin-token',
        ADMIN_TOKEN,
      ]);
      expect(JSON.parse(json)).not.toHaveProperty('formatInUse');
    } finally {
      yard.close();
    }
  });

  it('names the servers whose builds keep the network from later formats and newer rules, five at most', async () => {
    const server = (name: string, formatMax: number, rulesMax: number) =>
      Server.fromPartial({ name, formatMax, rulesMax });
    const old = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => server(name, 4, 2));
    const yard = await serveListing({
      position: { epoch: 'e', revision: 1n },
      format: 4,
      rules: 1,
      servers: [...old, server('h\nh', 5, 1), server('i', 5, 2)],
    });
    try {
      const { err } = await runCommand(['servers', '--server', yard.address, '--admin-token', ADMIN_TOKEN]);
      expect(err).toBe(
        'format 4 and rules 1 in use; records of format 5 wait for a, b, c, d, e and 2 more; rules 2 wait for h\\u{a}h\n',
      );
    } finally {
      yard.close();
    }
  });

  it('is cut to a terminal of 80 cells, but for --wide, and sorted and filtered as every list', async () => {
    const name = 'a-server-whose-name-is-as-long-as-a-name-of-dns-can-be-which-is-63';
    const other = await run({ name });
    try {
      const shown = (...more: string[]) =>
        runCommand(['servers', '--server', other.address, '--admin-token', ADMIN_TOKEN, ...more], { columns: 80 });
      const { out } = await shown();
      for (const line of out.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
      expect(out).toContain('…');
      expect((await shown('--wide')).out).toContain(`\n${name} `);
      expect((await shown('--filter', 'name=another')).out).not.toContain('a-server');
      expect(await shown('--sort', 'colour')).toMatchObject({ status: 2, err: expect.stringContaining('--sort') });
    } finally {
      await other.stop();
    }
  });

  it('names the server that refuses where several are given', async () => {
    const { status, err } = await runCommand(['servers', '--server', `${at.address},127.0.0.1:1`]);
    expect(status).toBe(1);
    expect(err.startsWith(`the server at ${at.address} says: `)).toBe(true);
  });

  it('is refused to those who may not read the network', async () => {
    const { status, err } = await runCommand(['servers', '--server', at.address]);
    expect(status).not.toBe(0);
    expect(err).not.toBe('');
  });
});
