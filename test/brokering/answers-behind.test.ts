import { describe, expect, it } from '@jest/globals';
import { Asking, type AskingParts } from '../../src/brokering/asking.js';
import { Fault } from '../../src/core/model/fault.js';
import type { Order } from '../../src/core/model/order.js';

const ORDER: Order = { id: 'o7', sid: 5, deadlineMs: 1_000, body: { kind: 'terminate', reason: '' } };

/** A server that learns of an order when it makes sure that it is current; and how often it does that. */
function askingAt(behind?: Fault) {
  const orders = new Map<string, Order>();
  const asked = { count: 0 };
  const currency = {
    current: async () => {
      asked.count++;
      orders.set('o7', ORDER);
      return behind;
    },
  };
  const state = { orders: { get: (_sid: number, id: string) => orders.get(id) } };
  return { asking: new Asking({ replica: { state, currency } } as unknown as AskingParts), asked };
}

describe('an answer at a server that is behind', () => {
  it('is read as the answer to an order that the server did not know yet', async () => {
    const { asking } = askingAt();
    expect(await asking.orderFor(5, 'o7')).toBe(ORDER);
  });

  it('is refused for now where the server cannot become current', async () => {
    const behind = new Fault('BEHIND', 'behind', [], 500);
    expect(await askingAt(behind).asking.orderFor(5, 'o7')).toBe(behind);
  });

  it('waits for nothing where the order is known', async () => {
    const { asking, asked } = askingAt();
    await asking.orderFor(5, 'o7');
    await asking.orderFor(5, 'o7');
    expect(asked.count).toBe(1);
  });

  it('is to no order where the server is current and knows of none', async () => {
    expect(await askingAt().asking.orderFor(5, 'o8')).toBeUndefined();
  });
});
