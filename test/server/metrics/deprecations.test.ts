import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { DirectConnectionRequest, NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { deprecation } from '../../../src/server/metrics/deprecations.js';
import { agent, ask, asSession, open, type Running, run } from '../../grpc/running.js';

/** What a log was told, a line each. */
function logOf(lines: Record<string, unknown>[]) {
  return pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
}

describe('what is deprecated', () => {
  it('is warned of once, with the address of the first caller, and counted each time', () => {
    const lines: Record<string, unknown>[] = [];
    const counted: object[] = [];
    const metrics = { deprecated: { inc: (labels: object) => void counted.push(labels) } };
    const used = deprecation('relay_version_1', { log: logOf(lines), metrics: metrics as never });
    used('192.0.2.1');
    used('192.0.2.2');
    expect(lines).toMatchObject(
      [{ what: 'relay_version_1', address: '192.0.2.1', msg: /deprecated.*use 3/ }].map(matching),
    );
    expect(counted).toEqual([{ what: 'relay_version_1' }, { what: 'relay_version_1' }]);
  });
});

function matching({ msg, ...rest }: { readonly msg: RegExp }) {
  return { ...rest, msg: expect.stringMatching(msg) };
}

describe('a client that knows only the relayed bytes of 0.1.0', () => {
  const lines: Record<string, unknown>[] = [];
  let at: Running;
  beforeAll(async () => {
    at = await run({ 'metrics-listen': '127.0.0.1:0', 'order-deadline': '1s' }, { log: logOf(lines) });
  });
  afterAll(() => at.stop());

  async function counted(): Promise<number> {
    const text = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
    return Number(/^switchyard_deprecated_calls_total\{what="relay_version_1"\} (\d+)$/m.exec(text)?.[1]);
  }

  /** Asks a peer for a connection as a client that knows this version at most. */
  async function wish(number: number, relayVersion: number): Promise<void> {
    const [caller, peer] = await Promise.all(
      [0, 1].map((one) => ask(at, SessionServiceService.session, agent(number + one))),
    );
    const attached = [caller, peer].map(({ sessionToken }) =>
      open(at, SessionServiceService.attach, {}, asSession(sessionToken)),
    );
    await Promise.all(attached.map((orders) => orders.next()));
    const request = DirectConnectionRequest.fromPartial({
      cvid: peer.instanceSid,
      type: 1,
      publicKey: Buffer.of(1),
      relayVersion,
    });
    const asked = ask(at, NetworkServiceService.directConnection, request, asSession(caller.sessionToken)).catch(
      () => {},
    );
    await attached[1].next();
    for (const { call } of attached) {
      const closed = new Promise((resolve) => call.on('close', resolve));
      call.on('error', () => {}).cancel();
      await closed;
    }
    await asked;
  }

  it('is counted and warned of once, and others are not', async () => {
    expect(await counted()).toBe(0);
    await wish(1, 3);
    await wish(3, 0);
    expect(await counted()).toBe(0);
    await wish(5, 1);
    await wish(7, 1);
    expect(await counted()).toBe(2);
    expect(lines.filter(({ what }) => what === 'relay_version_1')).toHaveLength(1);
  });
});
