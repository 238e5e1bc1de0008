import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, credentials, status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import {
  HealthService as Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health.js';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { systemRandom } from '../../src/client/system.js';
import { agent, ask, asSession, open, type Running, refused, run } from './running.js';

const LIST = { pageSize: 0, pageToken: '', instanceType: 0, instanceUuid: '' };
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const CERT = fileURLToPath(new URL('../client/tls/cert.pem', import.meta.url));
const KEY = fileURLToPath(new URL('../client/tls/key.pem', import.meta.url));

async function serving(at: Running, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await at.stop();
  }
}

describe('health', () => {
  it('tells of each service, and lists them', async () => {
    const at = await run();
    await serving(at, async () => {
      for (const service of ['', 'switchyard.v1.NetworkService', 'switchyard.v1.TransportService']) {
        expect((await ask(at, Health.check, { service })).status).toBe(Serving.SERVING);
      }
      expect((await refused(ask(at, Health.check, { service: 'nothing' }))).code).toBe(status.NOT_FOUND);
      expect(Object.keys((await ask(at, Health.list, {})).statuses)).toHaveLength(8);
      const watch = open(at, Health.watch, { service: 'nothing' });
      expect((await watch.next()).status).toBe(Serving.SERVICE_UNKNOWN);
      watch.call.cancel();
    });
  });
});

describe('reflection', () => {
  it('listens only as fast as the answers are read, and loses none of them', async () => {
    const at = await run();
    await serving(at, async () => {
      const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
      const raw = (bytes: Buffer) => bytes;
      const call = client.makeBidiStreamRequest(REFLECTION, raw, raw);
      const symbol = Buffer.from('x'.repeat(4_096));
      // ServerReflectionRequest.file_containing_symbol is field 4; the answer holds the request again.
      const request = Buffer.concat([Buffer.from([0x22, 0x80, 0x20]), symbol]);
      const asked = 4_000;
      let taken = 0;
      for (let count = 0; count < asked; count++) call.write(request, () => taken++);
      // What the connection takes in the time of some other calls is all that it takes.
      for (let count = 0; count < 50; count++) await ask(at, Sessions.listSessions, LIST);
      expect(taken).toBeLessThan(asked);
      const answers = new Promise<number>((resolve) => {
        let count = 0;
        call.on('data', () => {
          if (++count === asked) call.end();
        });
        call.on('end', () => resolve(count));
      });
      expect(await answers).toBe(asked);
      client.close();
    });
  });
});

describe('reflection of a service', () => {
  /** What the server answers to `file_containing_symbol`, as bytes: strings stand in them as they are. */
  const describeSymbol = async (at: Running, symbol: string): Promise<string> => {
    const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const raw = (bytes: Buffer) => bytes;
    const call = client.makeBidiStreamRequest(REFLECTION, raw, raw);
    call.write(Buffer.concat([Buffer.from([0x22, symbol.length]), Buffer.from(symbol)]));
    const [answer] = (await once(call, 'data')) as [Buffer];
    call.end();
    client.close();
    return answer.toString('latin1');
  };

  it("shows the comments of the API's protos, and nothing of what the server stores", async () => {
    const at = await run();
    await serving(at, async () => {
      const described = await describeSymbol(at, 'switchyard.v1.SessionService');
      expect(described).toContain('Opens a new session, and ends every earlier session of the same instance');
      expect(await describeSymbol(at, 'switchyard.journal.v1.Command')).toContain('not found');
    });
  });
});

describe('a fault of the server', () => {
  it('shows a client nothing but an id that is also in the log', async () => {
    const logged: string[] = [];
    const bytes = (count: number) => {
      // The secret of a token is the only draw of 24 bytes.
      if (count === 24) throw new Error('no entropy left on /dev/secret');
      return systemRandom.bytes(count);
    };
    const log = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
    const at = await run({}, { random: { ...systemRandom, bytes }, log });
    await serving(at, async () => {
      const refusal = await refused(ask(at, Sessions.session, agent(1)));
      expect(refusal).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
      const [, id] = /^fault ([0-9a-f]{8})$/.exec(refusal.message)!;
      expect(logged).toHaveLength(1);
      expect(JSON.parse(logged[0])).toMatchObject({ fault: id, err: { message: 'no entropy left on /dev/secret' } });
    });
  });
});

describe('TLS', () => {
  const cert = readFileSync(CERT);
  const key = readFileSync(KEY);
  const target = { 'grpc.ssl_target_name_override': 'switchyard.test', 'grpc.use_local_subchannel_pool': 1 };

  it('is spoken when there is a certificate, and nothing else is', async () => {
    const at = await run({ 'tls-cert': CERT, 'tls-key': KEY });
    await serving(at, async () => {
      const client = new Client(at.address, credentials.createSsl(cert), target);
      expect((await ask({ ...at, client }, Sessions.listSessions, LIST)).sessions).toEqual([]);
      client.close();
      expect((await refused(ask(at, Sessions.listSessions, LIST))).code).toBe(status.UNAVAILABLE);
    });
  });

  it('asks clients for a certificate of the authority that is named', async () => {
    const at = await run({ 'tls-cert': CERT, 'tls-key': KEY, 'tls-client-ca': CERT });
    await serving(at, async () => {
      const known = new Client(at.address, credentials.createSsl(cert, key, cert), target);
      await ask({ ...at, client: known }, Sessions.listSessions, LIST);
      known.close();
      const unknown = new Client(at.address, credentials.createSsl(cert), target);
      expect((await refused(ask({ ...at, client: unknown }, Sessions.listSessions, LIST))).code).toBe(
        status.UNAVAILABLE,
      );
      unknown.close();
    });
  });
});

describe('a watcher that does not read', () => {
  /** Far more than the history holds and HTTP/2 lets through to somebody who does not read. */
  const storm = async (at: Running, count = 400) => {
    const labels = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`k${at}`, 'v'.repeat(255)]));
    const numbers = Array.from({ length: count }, (_, number) => number);
    await Promise.all(numbers.map((number) => ask(at, Sessions.session, { ...agent(number), labels })));
  };
  const watch = async (at: Running, coalesce: boolean) => {
    const client = new Client(at.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const there = { ...at, client };
    const reading = open(there, Network.watchNetworkDelta, { after: undefined, coalesce, cvids: [] });
    await reading.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    reading.call.pause();
    return { reading, client };
  };

  it('slows nobody, and is told that it has lagged, with its position', async () => {
    const at = await run({ 'history-bytes': '64KiB' });
    await serving(at, async () => {
      const { reading, client } = await watch(at, false);
      await storm(at);
      reading.call.resume();
      const ending = await reading.ending();
      expect(ending).toMatchObject({ code: status.ABORTED, reason: 'WATCH_LAGGED' });
      expect(Number(ending.metadata.oldest_revision)).toBeGreaterThan(Number(ending.metadata.revision));
      client.close();
    });
  });

  it('gets the net effect of what it missed when it asked for that', async () => {
    const at = await run({ 'history-bytes': '64KiB' });
    await serving(at, async () => {
      const { reading, client } = await watch(at, true);
      // A net effect above 512 KiB would be a RESET.
      await storm(at, 110);
      const { position } = await ask(at, Sessions.session, agent(1_000));
      reading.call.resume();
      const seen = new Set<string>();
      let revisions = 0n;
      await reading.until(({ kind, deltas, position: reached }) => {
        expect(kind).toBe(WatchKind.DELTA);
        for (const { nodeAdded } of deltas) for (const node of nodeAdded) seen.add(node.instanceUuid);
        revisions += BigInt(deltas.length);
        return reached!.revision >= position!.revision;
      });
      expect(seen.size).toBe(111);
      expect(revisions).toBeLessThan(111n);
      client.close();
    });
  });
});

describe('a session token', () => {
  it('renews its session with any call, also one that needs none', async () => {
    const at = await run({ 'session-ttl': '1s', 'session-ttl-min': '1s' });
    await serving(at, async () => {
      const { sessionToken, instanceSid } = await ask(at, Sessions.session, agent(1));
      const idle = await ask(at, Sessions.session, agent(2));
      const closed = open(at, Network.watchEndpointClosed, { cvids: [], after: undefined });
      await closed.next();
      const gone = closed.next();
      let isOver = false;
      void gone.then(() => {
        isOver = true;
      });
      while (!isOver) await ask(at, Network.getNode, { cvid: instanceSid }, asSession(sessionToken));
      expect((await gone).endpointClosed?.cvid).toBe(idle.instanceSid);
      closed.call.cancel();
    });
  });
});
