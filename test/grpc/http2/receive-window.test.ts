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

  settings({ initialWindowSize }: { initialWindowSize: number }): void {
    this.settings_.push(initialWindowSize);
  }

  setLocalWindowSize(bytes: number): void {
    this.connection.push(bytes);
  }

  /** A round trip in which so many bytes come. */
  roundTrip(bytes: number): void {
    this.window.came(bytes / 2);
    this.window.came(bytes / 2);
    this.#pong?.(null);
    this.#pong = undefined;
  }
}

describe('the window of what a client may send', () => {
  it('doubles with each round trip that fills it, to 4 MiB at most, for streams and connection alike', () => {
    const session = new FakeSession();
    for (let round = 0; round < 12; round++) session.roundTrip(session.window.bytes);
    const doubled = [1, 2, 3, 4, 5, 6].map((times) => FIRST * 2 ** times);
    expect(session.settings_).toEqual([...doubled.slice(0, 5), doubled[5], 4 * MIB].filter((size) => size <= 4 * MIB));
    expect(session.connection).toEqual(session.settings_);
    expect(session.window.bytes).toBe(4 * MIB);
  });

  it('stays as it is where less than two thirds of it come in a round trip', () => {
    const session = new FakeSession();
    session.roundTrip(FIRST / 2);
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
    session.calls = 16;
    session.window.callBegan();
    expect(session.window.bytes).toBe(MIB / 2);
    session.calls = 1_000;
    session.window.callBegan();
    expect(session.window.bytes).toBe(FIRST);
    expect(session.settings_.slice(-2)).toEqual([MIB / 2, FIRST]);
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
});
