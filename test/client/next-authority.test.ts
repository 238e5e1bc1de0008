import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { type ChallengeResponse, IdentityServiceService } from '../../gen/switchyard/v1/identity.js';
import { quietPort } from '../../harness/port.js';
import type { Surroundings } from '../../src/cli/surroundings.js';
import { knownServer, pinKeeper, rememberServer } from '../../src/cli/trust/known-servers.js';
import { GrpcChannel } from '../../src/client/channel/grpc-channel.js';
import { KnownPins } from '../../src/client/channel/known-pins.js';
import { SigningKey, Switchyard, type TlsOptions, type ToldPins } from '../../src/client/index.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { makeNextAuthority, useNextAuthority } from '../../src/server/certificates/authority-keys.js';
import { OwnCertificates, readAuthority } from '../../src/server/certificates/own-certificates.js';
import { pinOf } from '../../src/trust/pin.js';
import { startTestServer } from '../cli/servers/server.js';

const TEST_MS = 60_000;
const UUID = '00000000-0000-4000-8000-000000000001';
const log = pino({ level: 'silent' });
const closing: (() => void | Promise<void>)[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'next-authority-'));
  chmodSync(folder, 0o700);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

/** A server that answers each challenge with these pins, over TLS by an authority of its own or in plain text. */
async function telling(authorityPins: Buffer[], own?: OwnCertificates): Promise<{ at: string; asked: () => number }> {
  const server = new Server();
  let asked = 0;
  const challenge = (_: unknown, tell: sendUnaryData<ChallengeResponse>) => {
    asked++;
    const usual = { nonce: Buffer.alloc(40), serverUuid: UUID, mode: 1, epoch: 'e', serverTime: new Date(0) };
    tell(null, { ...usual, validFor: { seconds: 60n, nanos: 0 }, authorityPins });
  };
  const login = (_: unknown, tell: sendUnaryData<never>) => tell({ code: status.UNAUTHENTICATED });
  // biome-ignore lint/suspicious/noExplicitAny: the other methods answer UNIMPLEMENTED by themselves
  server.addService(IdentityServiceService, { challenge, login } as any);
  const by =
    own === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: own.chain.cert, private_key: own.chain.key }]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', by, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  closing.push(() => server.forceShutdown());
  return { at: `127.0.0.1:${port}`, asked: () => asked };
}

function authority(): Promise<OwnCertificates> {
  const names = () => ['127.0.0.1'];
  return OwnCertificates.open({ folder: undefined, names, clock: systemClock, random: systemRandom, log });
}

function pemOf(own: OwnCertificates): Buffer {
  return Buffer.from(own.authority.toString());
}

/** Shows a key to a server, which refuses it. What it has told of its authorities. */
async function toldBy(server: string, tls: TlsOptions, error = /./): Promise<ToldPins[]> {
  const told: ToldPins[] = [];
  const yard = new Switchyard({ server, tls: { ...tls, onPins: (pins) => void told.push(pins) } });
  await expect(yard.identities.login(UUID, SigningKey.generate())).rejects.toThrow(error);
  await yard.close();
  return told;
}

describe('the pins that a server tells', () => {
  const planted = Buffer.alloc(32, 7);

  it('are taken over a connection that was verified by a pin, with the authority that it was verified by', async () => {
    const own = await authority();
    const { at } = await telling([own.pin, planted], own);
    const [told] = await toldBy(at, { pins: [own.pin] });
    expect(told).toMatchObject({ server: at, pins: [own.pin, planted] });
    expect(told.authority.toString()).toBe(own.authority.toString());
  });

  it.each<[string, (own: OwnCertificates) => TlsOptions | undefined]>([
    ['plain text', () => undefined],
    ['TLS by an authority that no pin names', (own) => ({ ca: pemOf(own), serverName: 'switchyard' })],
  ])('are not taken over %s, whatever pins the client knows', async (_, tlsBy) => {
    const own = await authority();
    const tls = tlsBy(own);
    const { at, asked } = await telling([own.pin, planted], tls && own);
    const told: ToldPins[] = [];
    const take = (pins: ToldPins) => void told.push(pins);
    const known = new KnownPins([own.pin], take);
    const channel = new GrpcChannel(at, tls && { ...tls, onPins: take }, tls ? {} : { pins: known });
    try {
      const call = { metadata: {}, signal: AbortSignal.timeout(10_000), timeoutMs: 10_000 };
      const answer = await channel.unary(IdentityServiceService.challenge, { network: '' }, call);
      expect(answer.authorityPins).toHaveLength(2);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      channel.close();
    }
    expect(asked()).toBe(1);
    expect(told).toEqual([]);
    expect(known.of(at)).toEqual([own.pin]);
  });

  it('are not asked of a server in between, which gets no call; the error says what to do', async () => {
    const between = await authority();
    const { at, asked } = await telling([between.pin], between);
    expect(await toldBy(at, { pins: [planted] }, /authority was changed and its new pin is needed here/)).toEqual([]);
    expect(asked()).toBe(0);
  });

  it.each([
    ['none', []],
    ['more than two', [planted, planted, planted]],
    ['no SHA-256', [planted.subarray(1)]],
  ])('are left alone where there are %s', async (_, pins) => {
    const own = await authority();
    const { at, asked } = await telling(pins, own);
    expect(await toldBy(at, { pins: [own.pin] })).toEqual([]);
    expect(asked()).toBe(1);
  });

  it('are told after the call has resolved, and what their taker throws fails no call', async () => {
    const own = await authority();
    const { at } = await telling([own.pin, planted], own);
    const warnings: unknown[] = [];
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation((text: unknown) => void warnings.push(text));
    const order: string[] = [];
    const takers = [
      () => {
        order.push('told');
        throw new Error('ENOSPC');
      },
      async () => {
        throw new Error('EACCES');
      },
    ];
    try {
      for (const onPins of takers) {
        const channel = new GrpcChannel(at, { pins: [own.pin], onPins });
        const call = { metadata: {}, signal: AbortSignal.timeout(10_000), timeoutMs: 10_000 };
        await channel.unary(IdentityServiceService.challenge, { network: '' }, call).then(() => order.push('answered'));
        await new Promise((resolve) => setImmediate(resolve));
        channel.close();
      }
    } finally {
      warned.mockRestore();
    }
    expect(order).toEqual(['answered', 'told', 'answered']);
    const text = `tls.onPins: what ${at} tells of its authorities was not kept: `;
    expect(warnings).toEqual([`${text}ENOSPC`, `${text}EACCES`]);
  });

  it('take the place of those that were given, for the server that told them', async () => {
    const [given, second, third] = [await authority(), await authority(), await authority()];
    const [connection, told] = [{}, { server: 'hub:1', authority: pemOf(given) }];
    const pins = new KnownPins([given.pin]);
    expect(pins.of('hub:1')).toEqual([given.pin]);
    pins.learn({ ...told, pins: [given.pin, second.pin] }, connection);
    expect(pins.of('hub:2')).toContainEqual(given.pin);
    pins.learn({ ...told, pins: [second.pin, third.pin] }, connection);
    expect(pins.of('hub:1')).toEqual([second.pin, third.pin]);
    // Another address may be one of the same server, which shows its next authority there, and the former one nowhere.
    expect(pins.of('hub:2')).toEqual([second.pin, third.pin]);
    // What a new ticket brings is given to a new client, which has been told nothing.
    expect(new KnownPins([third.pin]).of('hub:1')).toEqual([third.pin]);
  });
});

describe('the pins that the command line keeps', () => {
  let place: Surroundings;
  let said: string[];
  const file = (server: string) => join(folder, '.local', 'share', 'switchyard', 'servers', encodeURIComponent(server));
  const pinsOf = (server: string) => knownServer(server, place)?.pins;

  /** A machine that has enrolled at `hub:1` when `own` was its authority. */
  function enrolled(own: OwnCertificates) {
    said = [];
    const terminal = { err: { write: async (text: string) => void said.push(text) } };
    // biome-ignore lint/suspicious/noExplicitAny: what the command line has besides is not used
    place = { env: {}, platform: 'linux', home: folder, terminal } as any;
    rememberServer({ server: 'hub:1', pins: [own.pin], isEncrypted: true }, pemOf(own), place);
    return pinKeeper([knownServer('hub:1', place)!], place);
  }

  it('are those of a server that was verified by a pin that is kept, under its name, whole and for the owner alone', async () => {
    const [own, other] = [await authority(), await authority()];
    const keep = enrolled(own);
    keep({ server: 'hub:1', pins: [other.pin], authority: pemOf(other) });
    expect(pinsOf('hub:1')).toEqual([own.pin]);
    keep({ server: 'another-address-of-the-hub:1', pins: [own.pin, other.pin], authority: pemOf(own) });
    expect(pinsOf('hub:1')).toEqual([own.pin, other.pin]);
    expect(pinsOf('another-address-of-the-hub:1')).toBeUndefined();
    expect(readFileSync(`${file('hub:1')}.pem`, 'utf8')).toBe(pemOf(own).toString());
    keep({ server: 'hub:1', pins: [other.pin], authority: pemOf(other) });
    expect(pinsOf('hub:1')).toEqual([other.pin]);
    expect(readFileSync(`${file('hub:1')}.pem`, 'utf8')).toBe(pemOf(other).toString());
    for (const end of ['json', 'pem']) expect(statSync(`${file('hub:1')}.${end}`).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file('hub:1'), '..')).sort()).toEqual(['hub%3A1.json', 'hub%3A1.pem']);
    expect(said).toEqual([]);
  });

  it('follow two changes of authority over one connection, but not over one from before a new ticket', async () => {
    const [first, second, third] = [await authority(), await authority(), await authority()];
    const keep = enrolled(first);
    const told = (...pins: Buffer[]) => keep({ server: 'hub:1', pins, authority: pemOf(first) });
    told(first.pin, second.pin);
    told(second.pin);
    told(second.pin, third.pin);
    expect(pinsOf('hub:1')).toEqual([second.pin, third.pin]);
    const replaced = await authority();
    rememberServer({ server: 'hub:1', pins: [replaced.pin], isEncrypted: true }, pemOf(replaced), place);
    told(replaced.pin);
    told(replaced.pin, third.pin);
    expect(pinsOf('hub:1')).toEqual([replaced.pin]);
  });

  it('are not kept where the disk refuses them, which is said once', async () => {
    const [own, other] = [await authority(), await authority()];
    const keep = enrolled(own);
    // A folder cannot be replaced by a file: as when there is no room, or no right, only for the superuser too. The pins are new, so that
    // the certificate is not read before.
    rmSync(`${file('hub:1')}.pem`);
    mkdirSync(`${file('hub:1')}.pem`);
    const told = { server: 'hub:1', pins: [own.pin, other.pin], authority: pemOf(own) };
    keep(told);
    keep(told);
    expect(said).toEqual([
      expect.stringMatching(/^what hub:1 tells of its authorities cannot be kept: .*rename.*hub%3A1\.pem/),
    ]);
    expect(pinsOf('hub:1')).toEqual([own.pin]);
  });
});

describe('a client that stays connected', () => {
  it(
    'hears of the next authority every hour, and finds the server again when that is used',
    async () => {
      const port = await quietPort('0.0.0.0');
      const flags = { listen: `0.0.0.0:${port}`, 'allow-open': 'true', data: folder };
      const first = await startTestServer(flags);
      const pin = pinOf(readAuthority(folder)!);
      const server = `127.0.0.1:${port}`;
      let told: readonly Uint8Array[] = [];
      // An hour takes 50 ms here.
      const after = (delayMs: number, call: () => void) => systemClock.after(delayMs >= 3_600_000 ? 50 : delayMs, call);
      const onPins = ({ pins }: ToldPins) => {
        told = pins;
      };
      const yard = new Switchyard({ server, tls: { pins: [pin], onPins }, clock: { ...systemClock, after } });
      closing.push(() => yard.close());
      await yard.getServer();
      const next = makeNextAuthority(folder)!;
      first.reload({ logLevel: 'silent' });
      while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(told).toEqual([pin, next]);
      await first.close();
      useNextAuthority(folder);
      const second = await startTestServer(flags);
      closing.push(() => second.close());
      expect(pinOf(readAuthority(folder)!)).toEqual(next);
      while ((await yard.getServer({ timeoutMs: 2_000 }).catch(() => undefined)) === undefined);
      while (told.length > 1) await new Promise((resolve) => setTimeout(resolve, 20));
      expect(told).toEqual([next]);
    },
    TEST_MS,
  );
});
