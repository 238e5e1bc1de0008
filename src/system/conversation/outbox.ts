import type { Command } from '../../core/model/command.js';
import type { Connection } from '../../core/model/connection.js';
import { Fault, REASON_OF_CODE, type Reason } from '../../core/model/fault.js';
import type { Order } from '../../core/model/order.js';
import { type CostlySource, MeteredSource } from '../../fair/metered-source.js';
import type { Asker } from '../../replica/access/asker.js';
import type { Attachment } from '../../replica/attachments.js';
import type { EventBody, SystemEvent } from '../codec/event.js';
import { type AnswerBody, refusal } from './answer.js';
import type { SystemBacking } from './backing.js';
import { answerConnection, connectionBody } from './connection-body.js';
import type { Flows, OutgoingBlock } from './flows.js';

type WatchBody = NonNullable<EventBody<'Session'>['watch']>;

/** Bytes of an order's reason on the wire. */
const REASON_BYTES_MAX = 1_024;
const NO_BYTES = new Uint8Array(0);

/** What an outbox asks of the connection that it is of. */
export interface OutboxSender {
  /** The address at the other end. */
  readonly remote: string;
  /** Whether more may be sent now. */
  hasRoom(): boolean;
  /** There may be something to send. */
  stir(): void;
  /** Sends an event. With `answered` it is a request, and that is called with its Answer. */
  send(event: SystemEvent, answered?: (answer: AnswerBody) => void): void;
  sendBlock(block: OutgoingBlock): void;
  sendFrames(frames: Uint8Array): void;
  answer(packetId: number | undefined, answer: AnswerBody): void;
  /** The attachment has ended: the session is on another connection, or the server goes down. */
  detached(why: Fault): void;
}

/** What an outbox stands on. */
export interface OutboxDeps {
  readonly backing: SystemBacking;
  readonly sender: OutboxSender;
  /** The client, as it is asked what it may read. */
  readonly asker: Asker;
  readonly attachment: Attachment;
  readonly flows: Flows;
}

/**
 * Everything that the server says by itself on one connection: orders, watches, and the data of sinks.
 *
 * All of it is pulled, and only while the transport has room: what a slow client leaves behind stays where it is bounded,
 * in the attachment, in the feed, in the relay.
 */
export class Outbox {
  /** The client was asked to end its session, so it needs not be told that it has ended. */
  isAskedToEnd = false;
  private watches: { readonly subscription: MeteredSource<CostlySource>; readonly packetId: number | undefined }[] = [];

  private readonly backing: SystemBacking;
  private readonly sender: OutboxSender;
  private readonly asker: Asker;
  private readonly attachment: Attachment;
  private readonly flows: Flows;

  constructor({ backing, sender, asker, attachment, flows }: OutboxDeps) {
    this.backing = backing;
    this.sender = sender;
    this.asker = asker;
    this.attachment = attachment;
    this.flows = flows;
    attachment.onReady(() => sender.stir());
  }

  /**
   * Begins to watch; an earlier watch ends, unless its client may not watch, or not now. What cannot be watched is answered to the request that
   * asked for it.
   */
  watch({ deltas, endpointsClosed, after, coalesce, cvids }: WatchBody, packetId: number | undefined): void {
    const { turns, clock, feeds, gatekeeper } = this.backing;
    const { network, closed } = feeds;
    const parts = [
      ...(deltas ? [() => network.subscribe({ after, coalesce, sids: cvids })] : []),
      ...(endpointsClosed ? [() => closed.subscribe({ after, sids: cvids })] : []),
    ];
    // One with neither part only ends what there is.
    const refused = parts.length > 0 ? gatekeeper.refuse('graph.read', this.asker, 'WatchNetworkDelta') : undefined;
    if (refused !== undefined) {
      this.sender.answer(packetId, refusal(refused));
      return;
    }
    for (const part of parts) {
      // Each counts as one call, as over gRPC.
      const spent = gatekeeper.calls.take(this.asker, part);
      if (spent === undefined) continue;
      this.sender.answer(packetId, refusal(spent));
      return;
    }
    this.endWatches();
    const key = turns.keyOf(this.asker.origin);
    const fromMs = clock.nowMs();
    const begun = parts.map((begin) => begin());
    // A snapshot is taken here, if none is shared.
    turns.charge(key, clock.nowMs() - fromMs);
    for (const one of begun) {
      if (one instanceof Fault) {
        this.sender.answer(packetId, refusal(one));
        continue;
      }
      const guarded = gatekeeper.guard(one, 'WatchNetworkDelta', this.asker);
      const subscription = new MeteredSource(guarded, key, { turns, clock });
      subscription.onReady(() => this.sender.stir());
      this.watches.push({ subscription, packetId });
    }
    this.sender.stir();
  }

  /** Sends what there is, as long as there is room. */
  pump(): void {
    const { sender, flows } = this;
    for (const { streamId, packetId } of flows.confirmed()) {
      sender.answer(packetId, { code: 0 });
      this.backing.replica.deadlines.used(streamId);
    }
    while (sender.hasRoom()) {
      if (this.pumpOrder()) continue;
      // An order may have been the end of it: nothing is said after that.
      if (!sender.hasRoom()) return;
      if (this.pumpWatches()) continue;
      const block = flows.next();
      if (block === undefined) return;
      sender.sendBlock(block);
    }
  }

  /** Sends what the watches still have to say before the server goes down: where they stand. */
  drain(): void {
    while (this.sender.hasRoom() && this.pumpWatches());
  }

  close(): void {
    this.endWatches();
    this.flows.close();
    this.attachment.close();
  }

  private endWatches(): void {
    for (const { subscription } of this.watches) subscription.close();
    this.watches = [];
  }

  private pumpOrder(): boolean {
    const message = this.attachment.next();
    if (message === undefined) return false;
    if (message instanceof Fault) {
      this.sender.detached(message);
      return false;
    }
    if (message.kind === 'order') this.give(message.order, message.connection);
    else if (message.kind === 'streamStopped') {
      const { id, reason, by } = message;
      this.sender.send({ type: 'StreamStopped', body: { id, reason, by: by === 0 ? undefined : by } });
    }
    return true;
  }

  /** Gives an order to the client, whose Answer is the session's. */
  private give(order: Order, connection: Connection | undefined): void {
    const { sid, body } = order;
    if (body.kind === 'connection') {
      const told = connectionBody(this.backing, connection!, sid, body.role);
      this.sender.send({ type: 'Connection', body: told }, (answer) => this.answered(order, answer));
      return;
    }
    this.isAskedToEnd = true;
    const reason = Buffer.byteLength(body.reason) > REASON_BYTES_MAX ? undefined : body.reason;
    this.sender.send({ type: 'TerminateSession', body: { reason } }, (answer) => this.answered(order, answer));
  }

  /** What the client says to an order. A success that brings nothing usable refuses it. */
  private answered(order: Order, answer: AnswerBody): void {
    const { replica, log } = this.backing;
    const { id: orderId, sid } = order;
    const refused = (code: Reason | undefined, description: string): Command => {
      const said = description.slice(0, REASON_BYTES_MAX / 4);
      return { kind: 'AnswerOrder', sid, orderId, code, description: said, data: NO_BYTES };
    };
    const isSuccess = answer.code === 0 && order.body.kind === 'connection';
    const brought = isSuccess ? answerConnection(this.backing, order, answer, this.sender.remote) : undefined;
    const code = answer.code === 0 ? undefined : (REASON_OF_CODE.get(answer.code) ?? 'PEER_REFUSED');
    const command =
      brought instanceof Fault
        ? refused(brought.reason, brought.message)
        : (brought ?? refused(code, answer.description ?? ''));
    replica.submit(command).then((outcome) => {
      if (outcome instanceof Fault) log.debug({ sid, reason: outcome.reason }, 'an answer came too late');
    });
  }

  private pumpWatches(): boolean {
    for (const watch of this.watches) {
      const message = watch.subscription.next();
      if (message === undefined) continue;
      if (message instanceof Fault || message === 'ended') {
        this.watches = this.watches.filter((other) => other !== watch);
        if (message !== 'ended' && message.reason !== 'DRAINING') this.sender.answer(watch.packetId, refusal(message));
      } else if (message.length > 0) this.sender.sendFrames(message);
      return true;
    }
    return false;
  }
}
