import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ReadConnection, type Reading, Readings } from '../../../src/grpc/http2/reading.js';

/** Calls that may wait before an address is read no more, and with which it is read again. */
const WAITING_MAX = 64;
const WAITING_MIN = 16;

/** A connection that writes down whether it is read. */
class Connection implements ReadConnection {
  isRead = true;
  stopped = 0;
  reading: Reading | undefined;

  stopReading(): void {
    this.isRead = false;
    this.stopped++;
  }

  goOnReading(): void {
    this.isRead = true;
  }
}

describe('connections of one address', () => {
  let turns: (() => void)[];
  let readings: Readings;
  beforeEach(() => {
    turns = [];
    readings = new Readings({ soon: (call) => void turns.push(call) });
  });

  const join = (key = '192.0.2.1') => {
    const connection = new Connection();
    connection.reading = readings.join(key, connection);
    return connection;
  };
  const turn = () => {
    for (const call of turns.splice(0)) call();
  };
  const waits = (connection: Connection, count: number) => {
    for (let at = 0; at < count; at++) connection.reading!.waits(connection);
  };
  const goesOn = (connection: Connection, count: number) => {
    for (let at = 0; at < count; at++) connection.reading!.goesOn();
  };
  const read = (connections: readonly Connection[]) => connections.flatMap(({ isRead }, at) => (isRead ? [at] : []));

  it('are all read no more when too many calls wait, and those of other addresses are', () => {
    const connections = [join(), join(), join()];
    const other = join('192.0.2.2');
    waits(connections[0], WAITING_MAX);
    expect(read(connections)).toEqual([0, 1, 2]);
    waits(connections[1], 1);
    expect([read(connections), other.isRead]).toEqual([[], true]);
  });

  it('are read again when few calls wait, one in each turn of the event loop', () => {
    const connections = [join(), join(), join()];
    waits(connections[0], WAITING_MAX + 1);
    goesOn(connections[0], WAITING_MAX - WAITING_MIN);
    turn();
    expect(read(connections)).toEqual([]);
    goesOn(connections[0], 1);
    for (const expected of [[0], [0, 1], [0, 1, 2], [0, 1, 2]]) {
      turn();
      expect(read(connections)).toEqual(expected);
    }
    expect(turns.length).toBe(0);
  });

  it('are read by turns when each brings more than may wait', () => {
    const connections = [join(), join(), join()];
    const chunk = 300;
    waits(connections[0], chunk);
    const order: number[] = [];
    for (let round = 0; round < 6; round++) {
      goesOn(connections[0], chunk);
      turn();
      const [at] = read(connections);
      order.push(at);
      waits(connections[at], chunk);
      expect(read(connections)).toEqual([]);
    }
    expect(order).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('are not read from the beginning while others wait, and the newest is the next then', () => {
    const flood = join();
    waits(flood, WAITING_MAX + 1);
    const fresh = join();
    expect(fresh.isRead).toBe(false);
    goesOn(flood, WAITING_MAX + 1);
    turn();
    expect([flood.isRead, fresh.isRead]).toEqual([false, true]);
    turn();
    expect([flood.isRead, fresh.isRead]).toEqual([true, true]);
  });

  it('are held while they are not read, be they new or old', () => {
    const flood = join();
    expect(flood.reading!.isHeld(flood)).toBe(false);
    waits(flood, WAITING_MAX + 1);
    const fresh = join();
    expect([flood, fresh].map((one) => one.reading!.isHeld(one))).toEqual([true, true]);
    goesOn(flood, WAITING_MAX + 1);
    turn();
    expect([flood, fresh].map((one) => one.reading!.isHeld(one))).toEqual([true, false]);
  });

  it('are stopped again when they bring calls though they are not read, as node:http2 reads on by itself', () => {
    const connection = join();
    waits(connection, WAITING_MAX + 1);
    const { stopped } = connection;
    waits(connection, 1);
    expect(connection.stopped).toBe(stopped + 1);
  });

  it('rest until the next turn when they have brought much, whatever waits', () => {
    const connections = [join(), join()];
    connections[0].reading!.rest(connections[0]);
    expect(read(connections)).toEqual([1]);
    turn();
    expect(read(connections)).toEqual([0, 1]);
  });

  it('that leave are not read on, and those that are left are', () => {
    const connections = [join(), join()];
    waits(connections[0], WAITING_MAX + 1);
    connections[0].reading!.leave(connections[0]);
    goesOn(connections[0], WAITING_MAX + 1);
    turn();
    turn();
    expect(read(connections)).toEqual([1]);
  });

  it('are forgotten when the last has left and none of their calls waits', () => {
    const connections = [join(), join()];
    waits(connections[0], 1);
    for (const connection of connections) connection.reading!.leave(connection);
    expect(readings.size).toBe(1);
    goesOn(connections[0], 1);
    expect(readings.size).toBe(0);
    const next = join();
    // A connection may be said to be over more than once.
    connections[0].reading!.leave(connections[0]);
    expect(readings.size).toBe(1);
    next.reading!.leave(next);
    expect(readings.size).toBe(0);
  });
});
