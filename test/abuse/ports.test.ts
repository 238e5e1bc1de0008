import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { RENDEZVOUS_LIMITS } from '../../src/rendezvous/limits.js';
import { bindingRequest, decodeStun, mappedAddress } from '../../src/stun/binding.js';
import { WEB_PLACES } from '../../src/web/limits.js';
import { GrpcFrom } from '../grpc/from.js';
import { agent, type Running, run } from '../grpc/running.js';
import { answerTo, CLIENTS, dial, type From, SERVED, upgrade } from './tools/clients-from.js';

const [ATTACKER, OTHER, PROXY] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
const CLIENT_COUNT = 10;
const ADDRESS_MAX = 8;
/** How long what the server does at once may take on a machine that is busy. */
const SOON_MS = 10_000;
const TRANSACTION = Buffer.alloc(12, 7);
const LISTEN = '127.0.0.1:0';
const [CERT, KEY] = ['cert', 'key'].map((name) => fileURLToPath(new URL(`../client/tls/${name}.pem`, import.meta.url)));

/** Every port, and how many connections one address may have there. */
const DOORS: readonly (readonly [string, number])[] = [
  ['grpc', ADDRESS_MAX],
  ['tcp', ADDRESS_MAX],
  ['tls', ADDRESS_MAX],
  ['ws', ADDRESS_MAX],
  ['wss', ADDRESS_MAX],
  ['web', WEB_PLACES.connectionsPerAddressMax],
  ['metrics', 16],
  ['stun', RENDEZVOUS_LIMITS.connectionsPerAddressMax],
];

const FLAGS = {
  'connections-max': '20',
  'connections-per-address': String(ADDRESS_MAX),
  'system-connections': '20',
  'system-connections-per-address': String(ADDRESS_MAX),
  'system-tcp-listen': LISTEN,
  'system-ws-listen': LISTEN,
  'metrics-listen': LISTEN,
  'web-listen': LISTEN,
};
/** The transports over TLS in a server of their own, whose gRPC port speaks it, too. */
const TLS_FLAGS = {
  ...FLAGS,
  'system-tls-listen': LISTEN,
  'system-wss-listen': LISTEN,
  'tls-cert': CERT,
  'tls-key': KEY,
};

let at: Running;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await at.stop();
});

function flagsOf(door: string): Record<string, string> {
  return door === 'tls' || door === 'wss' ? TLS_FLAGS : FLAGS;
}

/** Opens so many connections that say nothing, and waits until no more than `left` of them are open. */
async function hold(from: From, server: string, count: number, left: number): Promise<Socket[]> {
  const held: Socket[] = [];
  for (let opened = 0; opened < count; opened++) {
    const socket = await dial(from, server);
    held.push(socket.resume());
  }
  sockets.push(...held);
  const open = () => held.filter((socket) => !socket.closed);
  for (const endMs = performance.now() + SOON_MS; open().length > left && performance.now() < endMs; ) await wait(5);
  expect(open()).toHaveLength(left);
  return open();
}

async function serveAll(door: string, from: From): Promise<(string | undefined)[]> {
  const served: (string | undefined)[] = [];
  for (let nth = 0; nth < CLIENT_COUNT; nth++) served.push(await CLIENTS[door]!(from, at.server.addresses[door]!));
  return served;
}

const allServed = (door: string) => Array<string | undefined>(CLIENT_COUNT).fill(SERVED[door]);

describe.each(DOORS)('the %s port', (door, addressMax) => {
  it('serves 10 of 10 clients of another address when one address asks for all places', async () => {
    at = await run(flagsOf(door));
    await hold({ address: ATTACKER }, at.server.addresses[door]!, addressMax + 24, addressMax);
    expect(
      await CLIENTS[door]!({ address: ATTACKER }, at.server.addresses[door]!).catch(() => undefined),
    ).toBeUndefined();
    expect(await serveAll(door, { address: OTHER })).toEqual(allServed(door));
  }, 60_000);

  it('has no bound for an exempt address but the one in all', async () => {
    at = await run({ ...flagsOf(door), 'address-exempt': `${ATTACKER}/32` });
    await hold({ address: ATTACKER }, at.server.addresses[door]!, addressMax + 4, addressMax + 4);
    expect(await CLIENTS[door]!({ address: ATTACKER }, at.server.addresses[door]!)).toBe(SERVED[door]);
  }, 60_000);

  it('counts a connection of a trusted proxy by the address in its PROXY header', async () => {
    at = await run({ ...flagsOf(door), 'proxy-protocol-from': PROXY });
    const server = at.server.addresses[door]!;
    await hold({ address: PROXY, before: proxied('192.0.2.1') }, server, addressMax + 4, addressMax);
    const same = { address: PROXY, before: proxied('192.0.2.1') };
    expect(await CLIENTS[door]!(same, server).catch(() => undefined)).toBeUndefined();
    expect(await serveAll(door, { address: PROXY, before: proxied('192.0.2.2') })).toEqual(allServed(door));
    // Of anybody else it is never read, and of the proxy it must come.
    const forged = { address: OTHER, before: proxied('192.0.2.3') };
    expect(await CLIENTS[door]!(forged, server).catch(() => undefined)).not.toBe(SERVED[door]);
    expect(await CLIENTS[door]!({ address: PROXY }, server).catch(() => undefined)).toBeUndefined();
  }, 60_000);
});

describe('the address in a PROXY header', () => {
  it('is what the rendezvous answers with', async () => {
    at = await run({ ...FLAGS, 'proxy-protocol-from': PROXY });
    const socket = await dial({ address: PROXY, before: proxied('192.0.2.9', 4_711) }, at.server.addresses.stun!);
    const said = await answerTo(socket, bindingRequest(TRANSACTION));
    expect(mappedAddress(decodeStun(said!), TRANSACTION)).toEqual({ host: '192.0.2.9', port: 4_711 });
  });

  it('is what shares count by, and its port tells connections apart', async () => {
    at = await run({
      ...FLAGS,
      'proxy-protocol-from': PROXY,
      'sessions-per-address': '2',
      'sessions-per-connection': '1',
    });
    const open = (host: string, port: number) => GrpcFrom.connect(PROXY, at.address, proxied(host, port));
    const first = await open('192.0.2.1', 1);
    await first.get(Sessions.session, agent(1));
    expect((await first.refused(Sessions.session, agent(2))).message).toContain('--sessions-per-connection');
    const second = await open('192.0.2.1', 2);
    await second.get(Sessions.session, agent(3));
    const third = await open('192.0.2.1', 3);
    expect((await third.refused(Sessions.session, agent(4))).message).toContain('--sessions-per-address');
    const other = await open('192.0.2.2', 1);
    await other.get(Sessions.session, agent(5));
    await Promise.all([first, second, third, other].map((client) => client.close()));
  });

  it('exempts a client in shares when it is exempt, and its proxy does not', async () => {
    const flags = { 'proxy-protocol-from': PROXY, 'address-exempt': '192.0.2.0/24', 'sessions-per-address': '1' };
    at = await run({ ...FLAGS, ...flags });
    const exempt = await GrpcFrom.connect(PROXY, at.address, proxied('192.0.2.1'));
    for (const number of [1, 2, 3]) await exempt.get(Sessions.session, agent(number));
    const other = await GrpcFrom.connect(PROXY, at.address, proxied('198.51.100.1'));
    await other.get(Sessions.session, agent(4));
    expect((await other.refused(Sessions.session, agent(5))).reason).toBe('SESSION_LIMIT');
    await Promise.all([exempt.close(), other.close()]);
  });
});

describe('the WebSocket port', () => {
  it('refuses pages of an origin that is not allowed, and says by which option it would be', async () => {
    at = await run({ ...FLAGS, 'ws-origin': 'https://console.example' });
    const ask = async (headers: Record<string, string>) =>
      (await answerTo(await dial({ address: OTHER }, at.server.addresses.ws!), upgrade(headers)))!.toString();
    expect(await ask({ origin: 'https://console.example' })).toContain('101 Switching Protocols');
    expect(await ask({})).toContain('101 Switching Protocols');
    const refused = await ask({ origin: 'https://evil.example' });
    expect(refused).toContain('HTTP/1.1 403 Forbidden');
    expect(refused).toContain('pages of "https://evil.example" may not connect: see --ws-origin');
    expect(await ask({ host: 'rebound.example' })).toContain('HTTP/1.1 403 Forbidden');
    const page = await (await fetch(`http://${at.server.addresses.metrics}/metrics`)).text();
    expect(page).toContain('switchyard_door_refused_total{door="ws",cause="origin"} 1');
    expect(page).toContain('switchyard_door_refused_total{door="ws",cause="host"} 1');
  });
});

/** A header of version 2 that says that this is a connection of that client. */
function proxied(host: string, port = 4_711): Buffer {
  const header = Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex');
  const addresses = Buffer.from([...host.split('.').map(Number), 127, 0, 0, 1, 0, 0, 0, 80]);
  addresses.writeUInt16BE(port, 8);
  return Buffer.concat([header, addresses]);
}
