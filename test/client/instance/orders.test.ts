import { describe, expect, it } from '@jest/globals';
import { Connection } from '../../../gen/switchyard/v1/connection.js';
import { Reason } from '../../../gen/switchyard/v1/error.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import type { AnswerRequest } from '../../../gen/switchyard/v1/session_service.js';
import { settle } from '../../../harness/manual-clock.js';
import { Refusal, StatusCode } from '../../../src/client/index.js';
import { type OrderHandlers, OrderTaker } from '../../../src/client/instance/orders.js';
import { LIMITS } from '../../../src/client/limits.js';
import type { Tracer } from '../../../src/tracing/tracer.js';
import { away, refusal } from '../worlds/fake-channel.js';

function desk(handlers: OrderHandlers = {}, tracer?: Tracer) {
  const answers: AnswerRequest[] = [];
  const problems: string[] = [];
  const terminated: string[] = [];
  const life = new AbortController();
  /** What the server makes of the next answers. */
  const server = { deliver: async (_answer: AnswerRequest): Promise<void> => {} };
  const orders = new OrderTaker(
    {
      handlers,
      connection: async () => {
        throw new Refusal('PEER_REFUSED', 'this instance takes no direct connections');
      },
      answer: async (request) => {
        answers.push(request);
        await server.deliver(request);
      },
      tracer: () => tracer,
      terminated: (reason) => terminated.push(reason),
      problem: (error) => problems.push(error.message),
    },
    life.signal,
  );
  return { orders, answers, problems, terminated, life, server, handlers };
}

const connection = (orderId: string): Order => ({
  orderId,
  kind: { $case: 'connection', value: Connection.fromPartial({ connectionId: 'c1', peerCvid: 7 }) },
});
const terminate = (orderId: string, reason = 'maintenance'): Order => ({
  orderId,
  kind: { $case: 'terminateSession', value: { reason } },
});
const success = { code: Reason.UNSPECIFIED, description: '' };

describe('an order to connect', () => {
  it('is refused when nobody handles it', async () => {
    const { orders, answers } = desk();
    orders.take(connection('o1'));
    await settle();
    expect(answers).toEqual([
      {
        orderId: 'o1',
        code: Reason.PEER_REFUSED,
        description: 'this instance takes no direct connections',
        data: Buffer.alloc(0),
      },
    ]);
  });

  it('is answered with the data of its handler', async () => {
    const { orders, answers } = desk({ connection: async ({ peerCvid }) => Uint8Array.of(peerCvid) });
    orders.take(connection('o1'));
    await settle();
    expect(answers).toEqual([{ orderId: 'o1', ...success, data: Buffer.from([7]) }]);
  });

  it('is refused in the handler’s own words', async () => {
    const { orders, answers, problems } = desk({
      connection: async () => {
        throw new Refusal('PEER_REFUSED', 'port 22 is not open to you');
      },
    });
    orders.take(connection('o1'));
    await settle();
    expect(answers[0]).toMatchObject({ code: Reason.PEER_REFUSED, description: 'port 22 is not open to you' });
    expect(problems).toEqual([]);
  });

  it('that a handler breaks on is answered without telling the server what broke', async () => {
    const { orders, answers, problems } = desk({
      connection: () => {
        throw new Error('/home/me/secret.pem is missing');
      },
    });
    orders.take(connection('o1'));
    await settle();
    expect(answers[0]).toMatchObject({ code: Reason.INTERNAL, description: 'the order could not be carried out' });
    expect(problems).toEqual(['/home/me/secret.pem is missing']);
  });

  it('is handled by whoever handles at that moment', async () => {
    const { orders, answers, handlers } = desk();
    handlers.connection = async () => undefined;
    orders.take(connection('o1'));
    await settle();
    expect(answers[0]).toMatchObject(success);
  });
});

describe('an order that is given again', () => {
  it('while it is carried out is carried out and answered once', async () => {
    let started = 0;
    let finish: () => void = () => {};
    const { orders, answers } = desk({
      connection: () => {
        started += 1;
        return new Promise((resolve) => {
          finish = () => resolve(undefined);
        });
      },
    });
    orders.take(connection('o1'));
    orders.take(connection('o1'));
    await settle();
    expect(started).toBe(1);
    finish();
    await settle();
    expect(answers).toHaveLength(1);
    expect(orders.size).toMatchObject({ running: 0, answers: 1 });
  });

  it('after its answer is answered again with the same, and not carried out again', async () => {
    let started = 0;
    const { orders, answers } = desk({ connection: async () => Uint8Array.of(++started) });
    for (let i = 0; i < 3; i += 1) {
      orders.take(connection('o1'));
      await settle();
    }
    expect(started).toBe(1);
    expect(answers).toHaveLength(3);
    expect(new Set(answers.map(({ data }) => data.toString('hex')))).toEqual(new Set(['01']));
  });

  it('because its answer did not arrive is answered again with the same', async () => {
    const { orders, answers, problems, terminated, server } = desk();
    server.deliver = () => Promise.reject(away());
    orders.take(terminate('o1'));
    await settle();
    expect([problems, terminated]).toEqual([['connection refused'], []]);
    server.deliver = async () => {};
    orders.take(terminate('o1'));
    await settle();
    expect(answers).toHaveLength(2);
    expect(terminated).toEqual(['maintenance']);
  });

  it('after its answer was forgotten is carried out again: memory has a bound by count', async () => {
    let started = 0;
    const { orders } = desk({
      connection: async () => {
        started += 1;
        return undefined;
      },
    });
    for (let i = 0; i <= LIMITS.answersRemembered; i += 1) {
      orders.take(connection(`o${i}`));
      await settle();
    }
    expect(orders.size.answers).toBe(LIMITS.answersRemembered);
    orders.take(connection('o1'));
    await settle();
    expect(started).toBe(LIMITS.answersRemembered + 1);
    orders.take(connection('o0'));
    await settle();
    expect(started).toBe(LIMITS.answersRemembered + 2);
  });

  it('remembers no more bytes than it may', async () => {
    const { orders } = desk({ connection: async () => new Uint8Array(65_536) });
    for (let i = 0; i < 40; i += 1) {
      orders.take(connection(`o${i}`));
      await settle();
    }
    expect(orders.size.answersBytes).toBeLessThanOrEqual(LIMITS.answersRememberedBytes);
    expect(orders.size.answers).toBe(15);
  });
});

describe('an order to end the session', () => {
  it('is answered with success, and then the session is over', async () => {
    const steps: string[] = [];
    const { orders, terminated, server } = desk({
      terminate: async (reason) => void steps.push(`tidied up for ${reason}`),
    });
    server.deliver = async () => {
      steps.push(`answered, ${terminated.length} ended`);
    };
    orders.take(terminate('o1'));
    await settle();
    expect(steps).toEqual(['tidied up for maintenance', 'answered, 0 ended']);
    expect(terminated).toEqual(['maintenance']);
  });

  it('is obeyed also by a program that cannot tidy up', async () => {
    const { orders, answers, terminated, problems } = desk({
      terminate: () => {
        throw new Error('disk full');
      },
    });
    orders.take(terminate('o1'));
    await settle();
    expect(answers[0]).toMatchObject(success);
    expect([problems, terminated]).toEqual([['disk full'], ['maintenance']]);
  });

  it('is over also when the server no longer waits for the answer', async () => {
    const { orders, terminated, problems, server } = desk();
    server.deliver = () => Promise.reject(refusal('ORDER_NOT_FOUND', StatusCode.NOT_FOUND));
    orders.take(terminate('o1'));
    await settle();
    expect([problems, terminated]).toEqual([[], ['maintenance']]);
  });
});

describe('orders in general', () => {
  it('of a kind that this client does not know are answered, not left waiting', async () => {
    const { orders, answers } = desk();
    orders.take({ orderId: 'o1', kind: undefined });
    await settle();
    expect(answers[0]).toMatchObject({ orderId: 'o1', code: Reason.UNIMPLEMENTED });
  });

  it('are carried out side by side, up to a bound; what is beyond is left for the next attachment', async () => {
    const { orders, problems } = desk({ connection: () => new Promise(() => {}) });
    for (let i = 0; i <= LIMITS.ordersAtOnce; i += 1) orders.take(connection(`o${i}`));
    await settle();
    expect(orders.size.running).toBe(LIMITS.ordersAtOnce);
    expect(problems).toEqual([`order o${LIMITS.ordersAtOnce} is left: ${LIMITS.ordersAtOnce} are being carried out`]);
  });

  it('end with their session: handlers are told, nothing is answered, nothing is reported', async () => {
    let told = false;
    const { orders, answers, problems } = desk({
      connection: (_connection, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('given up'));
          });
        }),
    });
    orders.take(connection('o1'));
    await settle();
    orders.end(new Error('superseded'));
    await settle();
    expect(told).toBe(true);
    expect([answers, problems]).toEqual([[], []]);
    expect(orders.size.running).toBe(0);
  });

  it('end their spans when their session ends', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const ends: (string | undefined)[] = [];
    const span = { traceparent, set: () => {}, end: (failure?: string) => void ends.push(failure) };
    const never: OrderHandlers = {
      connection: (_connection, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const { orders } = desk(never, { start: () => span });
    const traced = Connection.fromPartial({ connectionId: 'c1', peerCvid: 7, traceparent });
    orders.take({ orderId: 'o1', kind: { $case: 'connection', value: traced } });
    await settle();
    expect(ends).toEqual([]);
    orders.end(new Error('superseded'));
    await settle();
    expect(ends).toEqual(['CANCELLED']);
  });
});
