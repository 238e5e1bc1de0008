import { readFileSync } from 'node:fs';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type ChallengeRequest,
  type ChallengeResponse,
  IdentityServiceService as Identities,
} from '../../../gen/switchyard/v1/identity.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { SingleConnection } from '../../../src/client/channel/single-connection.js';
import { Switchyard, type TlsOptions, UnprovenServerError } from '../../../src/client/index.js';
import { adminProof } from '../../../src/trust/admin-proof.js';
import { startTestServer } from '../../cli/servers/server.js';
import { ADMIN_TOKEN, ask, type Running, run } from '../../grpc/running.js';

const UUID = '11111111-2222-4333-8444-555555555555';
/** The certificate of the real server, for 127.0.0.1, and that of whoever stands in between. */
const OWN = { cert: 'test/cli/tls/cert.pem', key: 'test/cli/tls/key.pem' };
const MIDDLE = { cert: 'test/client/tls/cert.pem', key: 'test/client/tls/key.pem' };

type Answer = (request: ChallengeRequest) => Partial<ChallengeResponse> | Promise<Partial<ChallengeResponse>>;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server that answers Challenge as a test says, and remembers the administrator's token of every call. */
async function fake(answer: Answer | undefined, tls?: typeof MIDDLE) {
  const tokens: unknown[] = [];
  const server = new Server();
  const took = (call: ServerUnaryCall<unknown, unknown>) => tokens.push(...call.metadata.get('switchyard-admin'));
  const challenge = async (
    call: ServerUnaryCall<ChallengeRequest, ChallengeResponse>,
    tell: sendUnaryData<ChallengeResponse>,
  ) => {
    took(call);
    let said: Partial<ChallengeResponse>;
    try {
      said = await answer!(call.request);
    } catch {
      tell({ code: status.UNAVAILABLE });
      return;
    }
    const usual = { nonce: Buffer.alloc(40), serverUuid: UUID, mode: 1, epoch: 'e', serverTime: new Date(0) };
    const authorityPins: Buffer[] = [];
    const validFor = { seconds: 60n, nanos: 0 };
    tell(null, { ...usual, validFor, authorityPins, ...said });
  };
  const listStreams = (call: ServerUnaryCall<unknown, unknown>, tell: sendUnaryData<unknown>) => {
    took(call);
    tell(null, { streams: [], nextPageToken: '', position: { epoch: 'e', revision: 1n } });
  };
  // biome-ignore lint/suspicious/noExplicitAny: the other methods answer UNIMPLEMENTED by themselves
  if (answer !== undefined) server.addService(Identities, { challenge } as any);
  // biome-ignore lint/suspicious/noExplicitAny: the same
  server.addService(Streams, { listStreams } as any);
  const pair = tls && [{ cert_chain: readFileSync(tls.cert), private_key: readFileSync(tls.key) }];
  const port = await new Promise<number>((resolve, reject) => {
    const by = pair === undefined ? ServerCredentials.createInsecure() : ServerCredentials.createSsl(null, pair);
    server.bindAsync('127.0.0.1:0', by, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  closing.push(() => server.forceShutdown());
  return { server: `127.0.0.1:${port}`, tokens };
}

/** A server that is about to go away. */
const away = (): never => {
  throw new Error('away');
};

/** A port at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A port that takes connections, and ends each at once. */
async function hangUp(): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  closing.push(() => server.close());
  return listening(server);
}

function listening(server: NetServer): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { readonly port: number }).port)),
  );
}

async function real(flags: Record<string, string> = {}): Promise<Running> {
  const at = await run(flags);
  closing.push(() => at.stop());
  return at;
}

/** Lists streams by a token that was found. */
async function list(server: string | readonly string[], tls?: TlsOptions): Promise<number> {
  const yard = new Switchyard({ server, tls, adminToken: ADMIN_TOKEN, requireAdminProof: true });
  closing.push(() => yard.close());
  let count = 0;
  for await (const _ of yard.listStreams({}, { timeoutMs: 5_000 })) count += 1;
  return count;
}

const proves = ({ adminNonce: nonce }: ChallengeRequest, token = ADMIN_TOKEN) =>
  nonce && { adminProof: adminProof(token, { serverUuid: UUID, nonce, binding: undefined }) };

describe("an administrator's token that needs a proof of the server", () => {
  it('goes to the server that has it, in plain text and over TLS', async () => {
    expect(await list((await real()).address)).toBe(0);
    const secure = await real({ 'tls-cert': OWN.cert, 'tls-key': OWN.key });
    expect(await list(secure.address, { ca: readFileSync(OWN.cert) })).toBe(0);
  });

  it('goes with every call after the proof, which is asked for once', async () => {
    const seen: ChallengeRequest[] = [];
    const { server, tokens } = await fake((request) => {
      seen.push(request);
      return { ...proves(request) };
    });
    const yard = new Switchyard({ server, adminToken: ADMIN_TOKEN, requireAdminProof: true });
    closing.push(() => yard.close());
    for (let count = 0; count < 3; count++) for await (const _ of yard.listStreams()) expect(_).toBeUndefined();
    expect(tokens).toEqual([ADMIN_TOKEN, ADMIN_TOKEN, ADMIN_TOKEN]);
    expect(seen.map(({ adminNonce }) => adminNonce?.length)).toEqual([undefined, 32]);
  });

  it.each<[string, Answer | undefined]>([
    ['knows no Challenge', undefined],
    ['is of a release without the field', () => ({})],
    ['has another token', (request) => ({ ...proves(request, 'another') })],
    ['answers with a proof that is too short', (request) => ({ adminProof: proves(request)?.adminProof.subarray(1) })],
    ['repeats what it was asked', ({ adminNonce }) => ({ adminProof: adminNonce })],
    ['gives a proof of another server', (request) => ({ ...proves(request), serverUuid: UUID.replace('1', '2') })],
    ['has no UUID', (request) => ({ ...proves(request), serverUuid: 'none' })],
  ])('does not go to a server that %s', async (_, answer) => {
    const { server, tokens } = await fake(answer);
    await expect(list(server)).rejects.toThrow(UnprovenServerError);
    expect(tokens).toEqual([]);
  });

  it('does not go to a server without an administrator', async () => {
    const server = await startTestServer();
    closing.push(() => server.close());
    await expect(list(server.addresses.grpc)).rejects.toThrow(UnprovenServerError);
  });

  it.each([
    ['in plain text', undefined],
    ['with a certificate of its own', MIDDLE],
  ])('does not go to one %s that passes the question on to the real server, which has TLS', async (_, tls) => {
    const { address } = await real({ 'tls-cert': OWN.cert, 'tls-key': OWN.key });
    const client = new Client(address, credentials.createSsl(readFileSync(OWN.cert)));
    closing.push(() => client.close());
    const passedOn: Answer = (request) => ask({ client } as Running, Identities.challenge, request);
    const { server, tokens } = await fake(passedOn, tls);
    const secure = tls && { ca: readFileSync(tls.cert), serverName: 'switchyard.test' };
    await expect(list(server, secure)).rejects.toThrow(UnprovenServerError);
    expect(tokens).toEqual([]);
  });

  it.each([
    ['is not there', async () => `127.0.0.1:${await freePort()}`],
    ['breaks every connection', async () => `127.0.0.1:${await hangUp()}`],
    ['is away for those who ask for its proof', async () => (await fake(away)).server],
  ])('goes to the second of two servers, after its proof, where the first %s', async (_, first) => {
    const seen: ChallengeRequest[] = [];
    const second = await fake((request) => {
      seen.push(request);
      return { ...proves(request) };
    });
    expect(await list([await first(), second.server])).toBe(0);
    expect(second.tokens).toEqual([ADMIN_TOKEN]);
    expect(seen).toHaveLength(2);
  });

  it('goes to none of two servers where the first that is there gives no proof', async () => {
    const thief = await fake(() => ({}));
    const second = await fake((request) => ({ ...proves(request) }));
    await expect(list([thief.server, second.server])).rejects.toThrow(UnprovenServerError);
    expect([thief.tokens, second.tokens]).toEqual([[], []]);
  });

  it('goes to a server that comes back after both were away', async () => {
    let isAway = true;
    const server = await fake((request) => (isAway ? away() : { ...proves(request) }));
    const yard = new Switchyard({
      server: [`127.0.0.1:${await freePort()}`, server.server],
      adminToken: ADMIN_TOKEN,
      requireAdminProof: true,
    });
    closing.push(() => yard.close());
    const page = async () => {
      for await (const _ of yard.listStreams({}, { timeoutMs: 5_000 })) expect(_).toBeUndefined();
    };
    await expect(page()).rejects.toMatchObject({ code: 14 });
    expect(server.tokens).toEqual([]);
    isAway = false;
    await page();
    expect(server.tokens).toEqual([ADMIN_TOKEN]);
  });

  it('does not go over a second connection, which may end at another program', async () => {
    const trusted = await fake((request) => ({ ...proves(request) }));
    const thief = await fake(() => ({}));
    let target = trusted.server;
    const sockets: Socket[] = [];
    const port = await pipe(() => target, sockets);
    const yard = new Switchyard({ server: `127.0.0.1:${port}`, adminToken: ADMIN_TOKEN, requireAdminProof: true });
    closing.push(() => yard.close());
    const page = async () => {
      for await (const _ of yard.listStreams({}, { timeoutMs: 2_000 })) expect(_).toBeUndefined();
    };
    await page();
    target = thief.server;
    for (const socket of sockets) socket.destroy();
    // The first of them may still find the connection that breaks; those after it would make another.
    for (let count = 0; count < 5; count++) {
      await expect(page()).rejects.toMatchObject({ code: 14 });
      await sleep(100);
    }
    expect([trusted.tokens, thief.tokens]).toEqual([[ADMIN_TOKEN], []]);
  });

  it('makes no connection in plain text to what is no loopback address', async () => {
    const single = new SingleConnection(credentials.createInsecure());
    const connector = single._createSecureConnector({ path: 'localhost' }, {});
    let isDestroyed = false;
    const socket = { remoteAddress: '192.0.2.1', destroy: () => (isDestroyed = true) } as unknown as Socket;
    await expect(connector.connect(socket)).rejects.toThrow('not a loopback address, and not encrypted');
    expect(isDestroyed).toBe(true);
  });
});

/** A port that leads to another one, which may change. */
async function pipe(target: () => string, sockets: Socket[]): Promise<number> {
  const server: NetServer = createServer((socket) => {
    const [host, port] = target().split(':');
    const onward = connect(Number(port), host);
    for (const one of [socket, onward]) {
      sockets.push(one);
      one.on('error', () => {});
    }
    socket.pipe(onward).pipe(socket);
    socket.once('close', () => onward.destroy());
    onward.once('close', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}
