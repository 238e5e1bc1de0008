import { describe, expect, it } from '@jest/globals';
import type { Order } from '../../../src/core/model/order.js';
import { Orders } from '../../../src/core/store/orders.js';

const [A, B] = [0x102, 0x202];

function order(id: string, sid = A): Order {
  return { id, sid, deadlineMs: 1_000, body: { kind: 'terminate', reason: '' } };
}

describe('the orders', () => {
  it('wait in the order in which they were placed, each for its own session', () => {
    const orders = new Orders(() => 8);
    for (const one of [order('o1'), order('o2', B), order('o3')]) orders.add(one);
    expect(orders.of(A).map(({ id }) => id)).toEqual(['o1', 'o3']);
    expect(orders.get(A, 'o3')).toEqual(order('o3'));
    expect(orders.get(A, 'o2')).toBeUndefined();
    expect([...orders.all()].map(({ id }) => id).sort()).toEqual(['o1', 'o2', 'o3']);
  });

  it('that were settled wait no more, but are known as settled', () => {
    const orders = new Orders(() => 8);
    orders.add(order('o1'));
    orders.add(order('o2'));
    orders.settle(order('o1'));
    expect(orders.of(A)).toEqual([order('o2')]);
    expect([orders.wasSettled(A, 'o1'), orders.wasSettled(A, 'o2'), orders.wasSettled(B, 'o1')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('that were settled are forgotten when as many others were as may wait', () => {
    const orders = new Orders(() => 2);
    for (const id of ['o1', 'o2', 'o3']) {
      orders.add(order(id));
      orders.settle(order(id));
    }
    expect([...orders.allSettled()]).toEqual([
      { sid: A, id: 'o2' },
      { sid: A, id: 'o3' },
    ]);
  });

  it('go with their session, waiting or settled', () => {
    const orders = new Orders(() => 8);
    for (const one of [order('o1'), order('o2'), order('o3', B)]) orders.add(one);
    orders.settle(order('o1'));
    orders.forget(A);
    expect([...orders.all()]).toEqual([order('o3', B)]);
    expect([...orders.allSettled()]).toEqual([]);
  });
});
