import type { Clock } from '../../base/clock.js';
import { Fault } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';
import type { CloseReason, Session } from '../../core/model/session.js';
import type { Stream } from '../../core/model/stream.js';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';
import type { AccessHolder } from '../../replica/access/access-tokens.js';
import type { Asker } from '../../replica/access/asker.js';
import type { Origin } from '../../shares/origin.js';
import type { EventBody } from '../codec/event.js';
import { closedBody } from '../encode/message.js';
import type { SystemBacking } from './backing.js';
import { type ConversationEvent, type ConversationState, nextConversation } from './conversation-state.js';
import { Flows } from './flows.js';
import { Outbox, type OutboxSender } from './outbox.js';

type WatchBody = NonNullable<EventBody<'Session'>['watch']>;

/** What a conversation stands on. */
export interface ConversationDeps {
  readonly backing: SystemBacking;
  /** By what bounds on its client are measured. */
  readonly time: Pick<Clock, 'nowMs'>;
  /** By what its session is counted. */
  readonly origin: Origin;
  /** What its connection has shown of who is at the other end. */
  readonly certificate: CertificateClaim | undefined;
  /** What sends, on its connection. */
  readonly sender: OutboxSender;
  readonly owner: ConversationOwner;
}

/** The connection of a conversation. */
export interface ConversationOwner {
  /** It is this session's now. */
  entered(sid: number): void;
  /** It is about another network from now on. False: there is none of that name or number, and it is about the default one. */
  moveTo(network: string | number): boolean;
  /** The client has shown a valid credential. */
  vouch(): void;
  /** Closes once everything that was sent is gone. */
  end(): void;
  /** Tells the client why, and closes. */
  close(why: Fault): void;
}

/**
 * What is known of a client beside its connection: how far it has come, who it is, and its session's part of the door.
 *
 * While it has a session, its connection is the session's attachment. When the connection breaks, only what is here goes:
 * the session has its grace, and its streams and answers stay.
 */
export class Conversation implements Asker {
  /** There are no administrators here. */
  readonly isAdmin = false;
  readonly #deps: ConversationDeps;
  #state: ConversationState = 'new';
  #sinceMs: number;
  #sid: number | undefined;
  /** The identity that has shown itself on this connection by a proof. */
  #shown: string | undefined;
  #unknownNetwork: string | undefined;
  #outbox: Outbox | undefined;
  #flows: Flows | undefined;
  /** The conversation ends when its identity may not have a session any more; that is forgotten with this. */
  #letGo: (() => void) | undefined;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    this.#sinceMs = deps.time.nowMs();
  }

  /** How far it has come. */
  get state(): ConversationState {
    return this.#state;
  }

  /** Since when, by the time that bounds its client. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The session that it is in, or was when it ended. */
  get sid(): number | undefined {
    return this.#sid;
  }

  /** By what its session is counted. */
  get origin(): Origin {
    return this.#deps.origin;
  }

  /** What the server says by itself; undefined without a session. */
  get outbox(): Outbox | undefined {
    return this.#outbox;
  }

  /** The data of the session's streams; undefined without a session. */
  get flows(): Flows | undefined {
    return this.#flows;
  }

  /** Who its client certificate says that it is, where that is known. */
  get access(): AccessHolder | undefined {
    const { backing, certificate } = this.#deps;
    const found = backing.certificates.find(certificate);
    return found instanceof Fault ? undefined : found;
  }

  /** The same, of one that comes for the first time, too; why it is not taken. */
  async acceptCertificate(): Promise<AccessHolder | undefined | Fault> {
    const { backing, certificate } = this.#deps;
    return backing.certificates.accept(certificate);
  }

  /** Whether an identity has shown itself on this connection. */
  hasShown(uuid: string): boolean {
    return this.#shown === uuid || this.access?.uuid === uuid;
  }

  /** An identity has shown itself. A connection is of one session, and so of one identity. */
  show(uuid: string): void {
    this.#shown = uuid;
    this.vouch();
  }

  /** The name of the network that it was to be about, where there is none of it. */
  get unknownNetwork(): string | undefined {
    return this.#unknownNetwork;
  }

  /** It is about another network from now on, which a client says before it has a session. False: there is none of that number. */
  moveTo(network: string | number): boolean {
    // A key is an identity's in one network.
    this.#shown = undefined;
    const isKnown = this.#deps.owner.moveTo(network);
    this.#unknownNetwork = isKnown || typeof network === 'number' ? undefined : network;
    return isKnown;
  }

  /** Something has happened in it. False: it has come too late, or too early, and changes nothing. */
  move(event: ConversationEvent): boolean {
    const state = nextConversation(this.#state, event);
    if (state === this.#state) return false;
    this.#state = state;
    this.#sinceMs = this.#deps.time.nowMs();
    return true;
  }

  /** The connection is the session's from now on. */
  enter(sid: number, watch: WatchBody | undefined, packetId: number | undefined): void {
    if (!this.move('enter')) return;
    const { backing, sender, owner, origin } = this.#deps;
    this.#sid = sid;
    backing.shares.attached(sid, origin);
    this.#flows = new Flows(backing, sid, () => sender.stir());
    const attachment = backing.replica.attachments.open(sid);
    this.#outbox = new Outbox({ backing, sender, asker: this, attachment, flows: this.#flows });
    owner.entered(sid);
    this.#letGo = backing.gatekeeper.hold('KeepAlive', this, (fault) => {
      // The end of a session is told by itself, with its position.
      if (backing.replica.state.sessions.has(sid)) owner.close(fault);
    });
    if (watch !== undefined) this.#outbox.watch(watch, packetId);
    sender.stir();
  }

  /** The client has shown a valid token or proof. */
  vouch(): void {
    this.#deps.owner.vouch();
  }

  /** The session is over, and the connection with it. Whoever did not end it itself is told; whoever did is answered first. */
  sessionClosed(session: Session, reason: CloseReason, position: Position): void {
    if (this.#state === 'terminating') return;
    if (this.#state !== 'over' && this.#outbox?.isAskedToEnd !== true) {
      this.#deps.sender.send({ type: 'EndpointClosed', body: closedBody(session, reason, position) });
    }
    this.end();
  }

  /** A stream leads to its session now. */
  streamPut(stream: Stream): void {
    this.#flows?.streamPut(stream);
  }

  /** Closes the connection once everything that was sent is gone. */
  end(): void {
    this.#deps.owner.end();
  }

  /** The connection is gone. */
  closed(): void {
    this.move('end');
    this.#letGo?.();
    this.#outbox?.close();
  }
}
