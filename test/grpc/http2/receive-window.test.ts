import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { ReceiveWindow, type WindowedSession } from '../../../src/grpc/http2/receive-window.js';

const FIRST = 65_535;
const MIB = 1_048_576;

/** A session whose pings are answered when the test says so. */
class FakeSession {
  closed = false;
  destroyed = false;
  readonly settings_: number[] = [];
  readonly connection: number[] = [];
  #pong: ((error: Error | null) => void) | undefined;
  #acknowledged: (() => void) | undefined;
  pings = 0;
  readonly window: ReceiveWindow;

  constructor(public calls = 1) {
    this.window = new ReceiveWindow(this as unknown as WindowedSession, () => this.calls, 8 * MIB);
  }

  ping(callback: (error: Error | null) => void): boolean {
    this.pings++;
    this.#pong = callback;
    return true;
  }

  settings({ initialWindowSize }: { initialWindowSize: number }, acknowledged: (error: Error | null) => void): void {
    this.settings_.push(initialWindowSize);
    this.#acknowledged = () => acknowledged(null);
  }

  /** The client acknowledges the last settings. */
  acknowledge(): void {
    const acknowledged = this.#acknowledged;
    this.#acknowledged = undefined;
    acknowledged?.();
  }

  setLocalWindowSize(bytes: number): void {
    this.connection.push(bytes);
  }

  /** A round trip in which so many bytes come. */
  roundTrip(bytes: number): void {
    this.window.came(bytes / 2);
    this.window.came(bytes / 2);
    this.acknowledge();
    this.#pong?.(null);
    this.#pong = undefined;
  }
}

/** Both ends of a real HTTP/2 connection. */
async function realSession(): Promise<{
  server: Http2Server;
  session: ServerHttp2Session;
  client: ClientHttp2Session;
}> {
  const server = createServer();
  const begun = once(server, 'session');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [session] = (await begun) as [ServerHttp2Session];
  if (client.connecting) await once(client, 'connect');
  return { server, session, client };
}

describe('the window of what a client may send', () => {
  it('is 1 MiB after the first measurement that it held up, 4 after the second, 8 after the third, and never held up by that of the connection', () => {
    const session = new FakeSession();
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes);
    expect(session.pings).toBe(3);
    expect(session.settings_).toEqual([MIB, 4 * MIB, 8 * MIB]);
    expect(session.connection).toEqual([16 * MIB]);
    expect(session.window.bytes).toBe(8 * MIB);
  });

  it('grows as long as half of it comes in a round trip, which is all that it lets pass at worst', () => {
    const session = new FakeSession();
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes / 2);
    expect(session.window.bytes).toBe(8 * MIB);
  });

  it('stays as it is where less than two fifths of it come in a round trip', () => {
    const session = new FakeSession();
    session.roundTrip(FIRST / 3);
    expect(session.pings).toBe(1);
    expect(session.settings_).toEqual([]);
    expect(session.window.bytes).toBe(FIRST);
  });

  it('measures nothing while little comes, and once at a time', () => {
    const session = new FakeSession();
    session.window.came(1_000);
    expect(session.pings).toBe(0);
    session.window.came(FIRST);
    session.window.came(FIRST);
    expect(session.pings).toBe(1);
  });

  it('measures no more once it is as large as it may be', () => {
    const session = new FakeSession();
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes);
    const { pings } = session;
    session.window.came(64 * MIB);
    expect(session.pings).toBe(pings);
  });

  it('gives all calls of a connection 8 MiB together, and shrinks when more of them begin', () => {
    const session = new FakeSession(4);
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes);
    expect(session.window.bytes).toBe(2 * MIB);
    session.acknowledge();
    session.calls = 16;
    session.window.callBegan();
    expect(session.window.bytes).toBe(MIB / 2);
    session.acknowledge();
    session.calls = 1_000;
    session.window.callBegan();
    expect(session.window.bytes).toBe(FIRST);
    expect(session.settings_.slice(-2)).toEqual([MIB / 2, FIRST]);
  });

  it('has one change at a time on its way, and goes on to what is wanted then', () => {
    const session = new FakeSession();
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes);
    session.acknowledge();
    const sent = session.settings_.length;
    for (session.calls = 2; session.calls < 100; session.calls++) session.window.callBegan();
    expect(session.settings_.slice(sent)).toEqual([4 * MIB]);
    session.acknowledge();
    session.acknowledge();
    expect(session.settings_.slice(sent)).toEqual([4 * MIB, MIB / 16]);
  });

  it('is lowered by halves: 64 calls that begin one after another cost 6 changes', () => {
    const session = new FakeSession();
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes);
    session.acknowledge();
    const sent = session.settings_.length;
    for (session.calls = 2; session.calls <= 64; session.calls++) {
      session.window.callBegan();
      session.acknowledge();
    }
    expect(session.settings_.slice(sent)).toEqual([4, 2, 1, 1 / 2, 1 / 4, 1 / 8].map((part) => part * MIB));
  });

  it('leaves a session alone that is closed or was destroyed meanwhile', () => {
    for (const what of ['closed', 'destroyed'] as const) {
      const session = new FakeSession();
      session[what] = true;
      session.roundTrip(FIRST);
      expect(session.pings).toBe(0);
      const later = new FakeSession();
      later.window.came(FIRST);
      later.window.came(FIRST);
      later[what] = true;
      later.roundTrip(FIRST);
      expect(later.settings_).toEqual([]);
    }
  });

  it('keeps a real connection on which 100 calls begin at once after its window has grown', async () => {
    const { server, session, client } = await realSession();
    const errors: string[] = [];
    for (const end of [session, client]) end.on('error', ({ message }: Error) => errors.push(message));
    let calls = 1;
    const window = new ReceiveWindow(session, () => calls, 8 * MIB);
    for (let round = 0; window.bytes < 4 * MIB && round < 200; round++) {
      window.came(window.bytes);
      await new Promise((resolve) => session.ping(resolve));
    }
    expect(window.bytes).toBe(4 * MIB);
    for (; calls < 100; calls++) window.callBegan();
    for (let round = 0; client.remoteSettings.initialWindowSize !== MIB / 16 && round < 20; round++) {
      await new Promise((resolve) => session.ping(resolve));
    }
    expect(errors).toEqual([]);
    expect(session.destroyed).toBe(false);
    expect(client.remoteSettings.initialWindowSize).toBe(MIB / 16);
    client.destroy();
    session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
