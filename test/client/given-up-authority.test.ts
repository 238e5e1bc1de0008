import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { type ChallengeResponse, IdentityServiceService } from '../../gen/switchyard/v1/identity.js';
import type { Surroundings } from '../../src/cli/surroundings.js';
import { knownServer, pinKeeper, rememberServer } from '../../src/cli/trust/known-servers.js';
import { GrpcChannel } from '../../src/client/channel/grpc-channel.js';
import { KnownPins } from '../../src/client/channel/known-pins.js';
import { InstanceType, SigningKey, Switchyard, type ToldPins } from '../../src/client/index.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { OwnCertificates, readAuthority } from '../../src/server/certificates/own-certificates.js';
import { pinOf } from '../../src/trust/pin.js';
import { startTestServer } from '../cli/servers/server.js';

const TEST_MS = 60_000;
const UUID = '00000000-0000-4000-8000-000000000001';
const log = pino({ level: 'silent' });
const planted = Buffer.alloc(32, 7);
const closing: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function authority(): Promise<OwnCertificates> {
  const names = () => ['127.0.0.1'];
  return OwnCertificates.open({ folder: undefined, names, clock: systemClock, random: systemRandom, log });
}

const pemOf = (own: OwnCertificates) => Buffer.from(own.authority.toString());

/** A server with this authority that answers each challenge with the pins of the moment, and nothing else. */
async function telling(own: OwnCertificates, pins: () => Buffer[], port = 0, refusals = 0) {
  const server = new Server();
  let asked = 0;
  const challenge = (_: unknown, tell: sendUnaryData<ChallengeResponse>) => {
    asked++;
    if (asked <= refusals) return tell({ code: status.RESOURCE_EXHAUSTED });
    const usual = { nonce: Buffer.alloc(40), serverUuid: UUID, mode: 1, epoch: 'e', serverTime: new Date(0) };
    tell(null, { ...usual, validFor: { seconds: 60n, nanos: 0 }, authorityPins: pins() });
  };
  const login = (_: unknown, tell: sendUnaryData<never>) => tell({ code: status.UNAUTHENTICATED });
  // biome-ignore lint/suspicious/noExplicitAny: the other methods answer UNIMPLEMENTED by themselves
  server.addService(IdentityServiceService, { challenge, login } as any);
  const by = ServerCredentials.createSsl(null, [{ cert_chain: own.chain.cert, private_key: own.chain.key }]);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, by, (error, at) => (error ? reject(error) : resolve(at)));
  });
  closing.push(() => server.forceShutdown());
  return { port: bound, at: `127.0.0.1:${bound}`, asked: () => asked, end: () => server.forceShutdown() };
}

/** A port whose connections go where `to` says when they are made: an address at which another authority is shown from then on. */
async function movable(first: number) {
  const way = { to: first };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(way.to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.on('error', () => other.destroy()).on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { at: `127.0.0.1:${(server.address() as AddressInfo).port}`, way };
}

/** An hour takes 50 ms. */
const quickClock = {
  ...systemClock,
  after: (delayMs: number, call: () => void) => systemClock.after(delayMs >= 3_600_000 ? 50 : delayMs, call),
};
const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

function ask(channel: GrpcChannel) {
  const call = { metadata: {}, signal: AbortSignal.timeout(10_000), timeoutMs: 5_000 };
  return channel.unary(IdentityServiceService.challenge, { network: '' }, call);
}

describe('an authority that was given up', () => {
  it(
    'is refused by a client that runs, also where it was the one that is trusted until then',
    async () => {
      const [former, next] = [await authority(), await authority()];
      const first = await telling(former, () => [next.pin]);
      const known = new KnownPins([former.pin]);
      const channel = new GrpcChannel(first.at, { pins: [former.pin] }, { pins: known });
      closing.push(() => channel.close());
      await ask(channel);
      expect(known.of(first.at)).toEqual([next.pin]);
      first.end();
      const second = await telling(former, () => [planted], first.port);
      const refused = /shows no certificate with the pin that is known/;
      let failed = '';
      while (!refused.test(failed) && second.asked() === 0)
        failed = await ask(channel).then(
          () => '',
          (error: Error) => error.message,
        );
      expect(failed).toMatch(refused);
      expect(second.asked()).toBe(0);
      expect(known.of(first.at)).toEqual([next.pin]);
    },
    TEST_MS,
  );
});

describe('the pins that the command line keeps of several addresses', () => {
  let home: string;
  let place: Surroundings;
  const kept = () => knownServer('hub:1', place)?.pins;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'given-up-authority-'));
    closing.push(() => rmSync(home, { recursive: true }));
    // biome-ignore lint/suspicious/noExplicitAny: what the command line has besides is not used
    place = { env: {}, platform: 'linux', home, terminal: { err: { write: async () => {} } } } as any;
  });

  it('stay what the hub has told when another of its addresses tells something by the former authority', async () => {
    const [former, next, third] = [await authority(), await authority(), await authority()];
    rememberServer({ server: 'hub:1', pins: [former.pin], isEncrypted: true }, pemOf(former), place);
    const keep = pinKeeper([knownServer('hub:1', place)!], place);
    const told = (server: string, by: OwnCertificates, ...pins: Buffer[]) => {
      keep({ server, pins, authority: pemOf(by) });
      return kept();
    };
    expect(told('hub:1', former, former.pin, next.pin)).toEqual([former.pin, next.pin]);
    expect(told('hub:1', next, next.pin)).toEqual([next.pin]);
    // Restored from a backup of before `cert next`, or somebody who has the former key.
    expect(told('hub:2', former, former.pin)).toEqual([next.pin]);
    expect(told('hub:2', former, planted)).toEqual([next.pin]);
    expect(told('hub:1', former, former.pin)).toEqual([next.pin]);
    expect(told('hub:2', next, next.pin, third.pin)).toEqual([next.pin, third.pin]);
  });

  it(
    'go on being kept by a command that stays connected while another one keeps something',
    async () => {
      const [former, next] = [await authority(), await authority()];
      let pins = [former.pin, next.pin];
      const [before, after] = [await telling(former, () => pins), await telling(next, () => pins)];
      const { at, way } = await movable(before.port);
      rememberServer({ server: 'hub:1', pins: [former.pin], isEncrypted: true }, pemOf(former), place);
      const known = knownServer('hub:1', place)!;
      const tls = { pins: known.pins, onPins: pinKeeper([known], place) };
      const yard = new Switchyard({ server: at, tls, clock: quickClock });
      closing.push(() => yard.close());
      await expect(yard.getServer()).rejects.toThrow(/GetServer/);
      while (kept()?.length !== 2) await soon();
      way.to = after.port;
      // Another command has connected in the meantime.
      rememberServer({ ...known, pins: [next.pin] }, pemOf(next), place);
      pins = [next.pin];
      const asked = before.asked();
      while (before.asked() === asked) await soon();
      pins = [next.pin, planted];
      while (kept()?.length !== 2) await soon();
      expect(kept()).toEqual([next.pin, planted]);
    },
    TEST_MS,
  );
});

describe('a client with pins', () => {
  it(
    'asks for them with its first call, though that proves nothing; not again with the next, nor beside a challenge',
    async () => {
      const own = await authority();
      const { at, asked } = await telling(own, () => [own.pin, planted]);
      const told: ToldPins[] = [];
      const tls = { pins: [own.pin], onPins: (one: ToldPins) => void told.push(one) };
      const observer = new Switchyard({ server: at, tls, adminToken: 'a'.repeat(32) });
      closing.push(() => observer.close());
      for (let call = 0; call < 3; call++) await expect(observer.getServer()).rejects.toThrow(/GetServer/);
      while (told.length === 0) await soon();
      expect(told).toMatchObject([{ server: at, pins: [own.pin, planted] }]);
      expect(asked()).toBe(1);
      const prover = new Switchyard({ server: at, tls });
      closing.push(() => prover.close());
      await expect(prover.identities.login(UUID, SigningKey.generate())).rejects.toThrow(/./);
      expect(asked()).toBe(2);
    },
    TEST_MS,
  );

  it(
    'asks again with a later call where there was no server at first',
    async () => {
      const own = await authority();
      const { at, port, end } = await telling(own, () => [own.pin]);
      end();
      const told: ToldPins[] = [];
      const tls = { pins: [own.pin], onPins: (one: ToldPins) => void told.push(one) };
      // A minute takes 50 ms.
      const after = (delayMs: number, call: () => void) => systemClock.after(delayMs === 60_000 ? 50 : delayMs, call);
      const yard = new Switchyard({ server: at, tls, clock: { ...systemClock, after } });
      closing.push(() => yard.close());
      await expect(yard.getServer({ timeoutMs: 2_000 })).rejects.toThrow(/./);
      await telling(own, () => [own.pin], port);
      while (told.length === 0) await yard.getServer({ timeoutMs: 2_000 }).catch(soon);
      expect(told).toMatchObject([{ server: at, pins: [own.pin] }]);
    },
    TEST_MS,
  );

  it(
    'asks one that refuses for its load again after a minute, no sooner',
    async () => {
      const own = await authority();
      const { at, asked } = await telling(own, () => [own.pin], 0, 2);
      let minute = () => {};
      const after = (delayMs: number, call: () => void) => {
        if (delayMs !== 60_000) return systemClock.after(delayMs, call);
        minute = call;
        return { cancel: () => {} };
      };
      const told: ToldPins[] = [];
      const tls = { pins: [own.pin], onPins: (one: ToldPins) => void told.push(one) };
      const yard = new Switchyard({ server: at, tls, clock: { ...systemClock, after } });
      closing.push(() => yard.close());
      const calls = async () => {
        for (let call = 0; call < 5; call++) {
          await expect(yard.getServer()).rejects.toThrow(/GetServer/);
          await soon();
        }
      };
      await calls();
      expect(asked()).toBe(1);
      minute();
      await calls();
      expect([asked(), told.length]).toEqual([2, 0]);
      minute();
      await calls();
      expect([asked(), told.length]).toEqual([3, 1]);
    },
    TEST_MS,
  );

  it(
    'asks with its second call where its first one was a challenge that failed',
    async () => {
      const own = await authority();
      const { at, asked } = await telling(own, () => [own.pin], 0, 1);
      const yard = new Switchyard({ server: at, tls: { pins: [own.pin] } });
      closing.push(() => yard.close());
      await expect(yard.identities.login(UUID, SigningKey.generate())).rejects.toThrow(/./);
      expect(asked()).toBe(1);
      await expect(yard.getServer()).rejects.toThrow(/GetServer/);
      while (asked() < 2) await soon();
    },
    TEST_MS,
  );

  it(
    'asks every hour at each server that it uses: its own, and those where its instances are',
    async () => {
      const servers: string[] = [];
      const pins: Buffer[] = [];
      for (let number = 0; number < 2; number++) {
        const data = mkdtempSync(join(tmpdir(), 'given-up-authority-'));
        chmodSync(data, 0o700);
        closing.push(() => rmSync(data, { recursive: true }));
        const server = await startTestServer({ listen: '0.0.0.0:0', 'allow-open': 'true', data });
        closing.push(() => server.close());
        servers.push(server.addresses.grpc.replace('0.0.0.0', '127.0.0.1'));
        pins.push(pinOf(readAuthority(data)!));
      }
      const asked = new Map<string, number>();
      const onPins = ({ server }: ToldPins) => void asked.set(server, (asked.get(server) ?? 0) + 1);
      let part = 0;
      const random = { ...systemRandom, fraction: () => part };
      const yard = new Switchyard({ server: servers, tls: { pins, onPins }, clock: quickClock, random });
      closing.push(() => yard.close());
      await yard.getServer();
      // The object itself is at the first server, its instance picks the second.
      part = 0.5;
      const instance = yard.join({ uuid: UUID, type: InstanceType.AGENT, name: 'a1' });
      await new Promise((resolve) => instance.on('attached', resolve));
      while (servers.some((server) => (asked.get(server) ?? 0) < 5)) await soon();
      expect([...asked.keys()].sort()).toEqual([...servers].sort());
    },
    TEST_MS,
  );
});
