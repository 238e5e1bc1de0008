import type { AttachResponse } from '../../../gen/switchyard/v1/session_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { ask, asSession, type Method, open, type Reading, type Running } from '../../grpc/running.js';

/** One session of the history, as its instance knows it. */
export class Member {
  orders: Reading<AttachResponse> | undefined;

  constructor(
    readonly uuid: string,
    readonly sid: number,
    readonly token: string,
  ) {}

  /** A unary call in the name of this session. */
  ask<Q, A>(at: Running, method: Method<Q, A>, request: Q): Promise<A> {
    return ask(at, method, request, asSession(this.token));
  }

  /** Renews the session. Resolves with the revision at which the network stands. */
  async renew(at: Running): Promise<number> {
    const { position } = await this.ask(at, Sessions.keepAlive, {});
    return Number(position!.revision);
  }

  /** Opens the attachment, and waits for its first message. */
  async attach(at: Running): Promise<void> {
    this.orders = open(at, Sessions.attach, {}, asSession(this.token));
    await this.orders.next();
  }

  /** Breaks the attachment, and waits until the server has noticed. */
  async detach(at: Running): Promise<void> {
    this.orders?.call.cancel();
    this.orders = undefined;
    for (;;) {
      const { session } = await ask(at, Sessions.getSession, { cvid: this.sid });
      if (!session!.attached) return;
    }
  }

  /**
   * The next order of a kind that wants an answer, placed after a revision. What comes before it does not matter: notices,
   * heartbeats, and orders of other connections that the history leaves unanswered.
   */
  async order(kind: 'connection' | 'terminateSession', since: number): Promise<OrderName> {
    for (;;) {
      const { order } = await this.orders!.next();
      if (order?.kind?.$case !== kind || revisionOf(order.orderId) <= since) continue;
      const connectionId = order.kind.$case === 'connection' ? order.kind.value.connectionId : '';
      return { orderId: order.orderId, connectionId };
    }
  }

  /** Answers an order. `code` 0 is success. */
  answer(at: Running, orderId: string, data: Uint8Array, code = 0, description = ''): Promise<unknown> {
    return this.ask(at, Sessions.answer, { orderId, code, description, data: Buffer.from(data) });
  }
}

/** An order, and the connection that it is about, if it is about one. */
interface OrderName {
  readonly orderId: string;
  readonly connectionId: string;
}

/** Orders are named after the revision that placed them. */
function revisionOf(orderId: string): number {
  return Number(orderId.slice(1));
}
