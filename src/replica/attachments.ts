import type { Clock, Timer } from '../base/clock.js';
import { type Change, type StreamStopped, stoppedIds } from '../core/model/change.js';
import { type Connection, isOver } from '../core/model/connection.js';
import { Fault, type Reason } from '../core/model/fault.js';
import type { Order } from '../core/model/order.js';
import type { Position } from '../core/model/position.js';
import { CloseReason, type Session } from '../core/model/session.js';
import { StopReason } from '../core/model/stream.js';
import type { State } from '../core/store/state.js';
import { AttachedElsewhere } from './attached-elsewhere.js';
import type { Leases } from './leases.js';
import type { ReplicaLimits } from './limits.js';
import { drainElsewhere, endAll } from './moving-out.js';
import { type Neighbours, NO_NEIGHBOURS } from './neighbours.js';

/** A message that an attached session receives. */
export type Message =
  /** `servers`: at which addresses the network is reached; absent where nothing new is to be said of it. */
  | { readonly kind: 'heartbeat'; readonly position: Position; readonly servers?: readonly string[] | undefined }
  | { readonly kind: 'order'; readonly order: Order; readonly connection?: Connection | undefined }
  | { readonly kind: 'connectionEnded'; readonly connection: Connection }
  | { readonly kind: 'streamStopped'; readonly id: number; readonly reason: StopReason; readonly by: number };

/**
 * The open attachments, at most one for each session. Orders and notices reach a session through its attachment, whichever
 * door opened it.
 */
export class Attachments {
  private readonly open_ = new Map<number, Attachment>();
  private timer: Timer | undefined;
  /** Why there are no more of them. */
  private ending: Fault | undefined;
  /** The sessions that are attached at other servers, as far as is known here. */
  readonly others: AttachedElsewhere;
  /** Called when a live session gets an attachment, here or at another server, and when it has none any more. */
  changed: ((sid: number, isAttached: boolean) => void) | undefined;
  /** Whether a session that is not attached here is attached at another server; undefined where there are no others. */
  elsewhere: ((sid: number) => boolean | Promise<boolean>) | undefined;
  /** The other servers of the network. */
  neighbours: Neighbours = NO_NEIGHBOURS;

  /** Whether a session is at this server; undefined where there are no others. */
  isHere: ((sid: number) => boolean) | undefined;

  constructor(
    private readonly state: State,
    private readonly leases: Leases,
    private readonly clock: Clock,
    readonly limits: ReplicaLimits,
  ) {
    this.others = new AttachedElsewhere(clock, (sid) => state.sessions.has(sid));
    this.others.changed = (sid, isAttached) => {
      if (!this.open_.has(sid) && state.sessions.has(sid)) this.changed?.(sid, isAttached);
    };
    this.scheduleHeartbeats();
  }

  /** How many are open. */
  get count(): number {
    return this.open_.size;
  }

  isAttached(sid: number): boolean {
    return this.open_.has(sid);
  }

  /** Whether a session is attached at any server, as far as is known here: what others have is a second or two old. */
  isKnownAttached(sid: number): boolean {
    return this.open_.has(sid) || this.others.has(sid);
  }

  /** Whether a session is attached at any server now: where there are others, the one that leads is asked. */
  isAttachedAnywhere(sid: number): boolean | Promise<boolean> {
    return this.isAttached(sid) || (this.elsewhere?.(sid) ?? false);
  }

  /**
   * Attaches a live session; an earlier attachment of it ends. It begins with a heartbeat and the orders that wait.
   */
  open(sid: number): Attachment {
    this.open_.get(sid)?.end(new Fault('ATTACHMENT_REPLACED', `session ${sid} attached again`));
    const attachment = new Attachment(sid, this, this.clock.nowMs());
    if (this.ending !== undefined) {
      attachment.end(this.ending);
      return attachment;
    }
    // What is known of others stays: the leader may have said it of an attachment later than this one, and says when it is over.
    const isKnown = this.others.has(sid);
    this.open_.set(sid, attachment);
    this.leases.hold(sid);
    if (!isKnown) this.changed?.(sid, true);
    attachment.push(attachment.heartbeat(this.state.position, this.neighbours.addresses));
    for (const order of this.state.orders.of(sid)) attachment.push(this.orderOf(order));
    return attachment;
  }

  /** The sessions that are attached. */
  sids(): Iterable<number> {
    return this.open_.keys();
  }

  /** Since when a session is attached here, by the clock that stands still for nobody; undefined for one that is not. */
  sinceMs(sid: number): number | undefined {
    return this.open_.get(sid)?.sinceMs;
  }

  /** Ends the attachment of a session that has attached at another server. */
  replace(sid: number): void {
    const attachment = this.open_.get(sid);
    if (attachment === undefined) return;
    this.others.expected(sid);
    attachment.end(replacedElsewhere(sid));
  }

  private leave(sid: number): void {
    if (this.isHere?.(sid) === false) this.replace(sid);
  }

  /** How long a session lives once its attachment is over. */
  livesMs(sid: number): number {
    return this.leases.livesMs(sid);
  }

  /** Ends the attachment of a session, which is to attach anew: at another server where `isMoving`. */
  release(sid: number, fault: Fault, isMoving = false): void {
    if (isMoving && this.open_.has(sid)) this.others.expected(sid);
    this.open_.get(sid)?.end(fault);
  }

  /** Ends all attachments: this server cannot vouch for sessions any more. They go elsewhere, or come back. */
  letGo(fault: Fault): void {
    for (const attachment of this.open_.values()) attachment.end(fault);
  }

  /** Called by an attachment that is over. Only the session's current attachment releases its lease. */
  forget(attachment: Attachment): void {
    if (this.open_.get(attachment.sid) !== attachment) return;
    this.open_.delete(attachment.sid);
    this.leases.release(attachment.sid);
    if (!this.others.has(attachment.sid)) this.changed?.(attachment.sid, false);
  }

  /** Notifies the sessions that a command's changes concern. */
  publish(_position: Position, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'OrderPlaced') this.tell(change.order.sid, this.orderOf(change.order));
      else if (change.kind === 'ConnectionPut') this.tellEnded(change.connection);
      else if (change.kind === 'SessionClosed') this.endOf(change.session, change.reason);
      else if (change.kind === 'SessionMoved') this.leave(change.session.sid);
      else if (change.kind === 'StreamStopped') this.tellStopped(change);
    }
  }

  /**
   * Ends every attachment; the sessions live on. Leases stop too, because no client can renew from now on. Where there are other servers
   * to go to, this goes on for as long as `withinMs`; not where `why` says that there is nothing to come back to: then one that is opened
   * later ends at once.
   */
  drain({ why, withinMs = 0 }: { readonly why?: Fault | undefined; readonly withinMs?: number } = {}): void {
    this.timer?.cancel();
    this.leases.close();
    this.ending = why;
    if (why !== undefined) this.letGo(why);
    else if (drainElsewhere(this, this.clock, withinMs) === undefined) endAll(this);
  }

  /** Notifies the ends of a stopped stream, except the session whose own end stopped it. */
  private tellStopped(change: StreamStopped): void {
    const { before, reason, by } = change;
    const ids = new Set(stoppedIds(change));
    const ends = [{ sid: before.owner, id: before.id }, ...before.sinks];
    for (const { sid, id } of ends) {
      const isEnding = reason === StopReason.SESSION_CLOSED && sid === by;
      if (ids.has(id) && !isEnding) this.tell(sid, { kind: 'streamStopped', id, reason, by });
    }
  }

  /** An order with its connection as it is now: before the order is read, the next attempt may have begun. */
  private orderOf(order: Order): Message {
    const { body } = order;
    const connection = body.kind === 'connection' ? this.state.connections.get(body.connection) : undefined;
    return { kind: 'order', order, connection };
  }

  /** Notifies both ends of a connection as soon as it is over, also the end that ended it. */
  private tellEnded(connection: Connection): void {
    if (!isOver(connection)) return;
    for (const { sid } of [connection.caller, connection.peer]) this.tell(sid, { kind: 'connectionEnded', connection });
  }

  private tell(sid: number, message: Message): void {
    this.open_.get(sid)?.push(message);
  }

  private endOf({ sid }: Session, reason: CloseReason): void {
    const attachment = this.open_.get(sid);
    this.open_.delete(sid);
    this.others.forget(sid);
    attachment?.end(endedFault(sid, reason));
  }

  private scheduleHeartbeats(): void {
    this.timer = this.clock.after(this.limits.heartbeatMs, () => {
      const { position } = this.state;
      const { addresses } = this.neighbours;
      for (const attachment of this.open_.values()) attachment.pushHeartbeat(position, addresses);
      this.scheduleHeartbeats();
    });
  }
}

/** One attachment; the door that opened it pulls its messages. It ends when more than `unreadMax` of them are unread. */
export class Attachment {
  private readonly unread: Message[] = [];
  private ending: Fault | undefined;
  private wake: (() => void) | undefined;
  /** What it was told of the servers. */
  private told: readonly string[] = NO_NEIGHBOURS.addresses;

  constructor(
    readonly sid: number,
    private readonly attachments: Attachments,
    /** When it began. */
    readonly sinceMs: number,
  ) {}

  /** The next message, a Fault that ends the attachment, or undefined when there is nothing yet. */
  next(): Message | Fault | undefined {
    return this.unread.shift() ?? this.ending;
  }

  /** `wake` is called when {@link next} may have something after it had nothing. */
  onReady(wake: () => void): void {
    this.wake = wake;
  }

  /** Called by the door when the client's call or connection is gone. */
  close(): void {
    this.attachments.forget(this);
  }

  /** For {@link Attachments}. */
  push(message: Message): void {
    if (this.ending !== undefined) return;
    if (this.unread.length >= this.attachments.limits.unreadMax) {
      this.end(new Fault('ORDER_LIMIT', `${this.unread.length} orders are unread; attach again to go on`));
      return;
    }
    this.unread.push(message);
    this.wake?.();
  }

  /** For {@link Attachments}: skipped while another message is unread, which shows the server's life as well. */
  pushHeartbeat(position: Position, servers: readonly string[]): void {
    if (this.unread.length === 0) this.push(this.heartbeat(position, servers));
  }

  /** For {@link Attachments}: a heartbeat, with the servers where they have changed. */
  heartbeat(position: Position, servers: readonly string[]): Message {
    if (servers === this.told) return { kind: 'heartbeat', position };
    this.told = servers;
    return { kind: 'heartbeat', position, servers };
  }

  /** For {@link Attachments}: what is unread is still delivered, then this. */
  end(fault: Fault): void {
    if (this.ending !== undefined) return;
    this.ending = fault;
    this.attachments.forget(this);
    this.wake?.();
  }
}

const ENDED: Record<CloseReason, { readonly reason: Reason; readonly words: string }> = {
  [CloseReason.SUPERSEDED]: {
    reason: 'SESSION_SUPERSEDED',
    words: 'was superseded by a newer session of its instance',
  },
  [CloseReason.TERMINATED]: { reason: 'SESSION_TERMINATED', words: 'was terminated' },
  [CloseReason.EXPIRED]: { reason: 'SESSION_EXPIRED', words: 'has expired' },
  [CloseReason.SERVER_LOST]: { reason: 'SESSION_SERVER_LOST', words: 'was lost with its server' },
  [CloseReason.REVOKED]: { reason: 'IDENTITY_REVOKED', words: 'was ended: its identity or key was revoked' },
};

/** Ends an attachment of a session that has attached at another server since. */
export function replacedElsewhere(sid: number): Fault {
  return new Fault('ATTACHMENT_REPLACED', `session ${sid} attached again, at another server`);
}

/** The fault for a caller whose session has ended. */
export function endedFault(sid: number, reason: CloseReason): Fault {
  const { reason: name, words } = ENDED[reason];
  return new Fault(name, `session ${sid} ${words}`);
}
