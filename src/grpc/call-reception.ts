import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { SharedBytes } from '../base/shared-bytes.js';
import { draining } from '../core/model/draining.js';
import { Fault } from '../core/model/fault.js';
import { answerCurrently } from '../replica/currency.js';
import { originOfPeer } from '../shares/origin.js';
import { auditCall } from './auditing.js';
import type { Backing } from './backing.js';
import { givenUp, internalFault, methodOf } from './call-faults.js';
import { type Caller, hasProof, identify, vouchingOf } from './caller.js';
import type { AnswerFate, CALL_METADATA } from './http2/answer-fates.js';
import type { CertifiedConnections } from './http2/certified-connections.js';
import type { HttpPeer } from './http2/peer.js';
import { LocalCall } from './local-calls.js';
import { methodOfPath } from './rules.js';
import { wantedOf } from './wanted.js';

/** Every call, unary or not, seen from what is the same in all of them. */
export type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPath' | 'getPeer' | 'cancelled'>;

/** The connections that calls come over. */
export interface CallConnections {
  /** A call over the connection of that name has shown a valid credential. */
  vouch(name: string): void;
  /** Whether the one of that name is still there. */
  has(name: string): boolean;
  /** Whether several have that name. */
  isShared(name: string): boolean;
  /** The one of that name whose messages count in all; undefined where none counts. */
  find(name: string): HttpPeer | undefined;
  readonly holdings: { readonly watches: SharedBytes<HttpPeer> };
  /** What becomes of the answer to a call, by its {@link CALL_METADATA}. */
  readonly fates: {
    find(name: string): AnswerFate;
    /** Ends that call at once; absent where there is no HTTP/2 below. */
    reset?(name: string): void;
    /** The request of that call says no more than what it has taken; absent where there is no HTTP/2 below. */
    confirmsOnly?(name: string): void;
  };
}

/**
 * What is done first and last in every call: who calls is found out, and whether that caller may; refusals are told to those who count
 * them and to the audit log, and what is thrown becomes an id in the log.
 */
export class CallReception {
  private isDraining = false;
  /** Calls are refused by it, those too that have begun and wait; undefined: by DRAINING, and only new ones. */
  private ending: Fault | undefined;
  /** How many calls a drain has refused. */
  private refused = 0;

  constructor(
    private readonly backing: Backing,
    private readonly connections: CallConnections | undefined,
    private readonly certified: Pick<CertifiedConnections, 'of'> | undefined,
  ) {}

  /** From now on every new call is refused, with `why`; without it those that run go on. */
  drain(why?: Fault): void {
    this.isDraining = true;
    this.ending = why;
  }

  /** Does a call's work for whoever makes it: resolves with what came of it, a refusal included. Never rejects. */
  async settle<T>(call: AnyCall, work: (caller: Caller) => T | Fault | Promise<T | Fault>): Promise<T | Fault> {
    const outcome = await this.outcomeOf(call, work);
    if (outcome instanceof Fault) this.noteRefusal(call, outcome);
    return outcome;
  }

  /** Tells those who count refusals of one. */
  noteRefusal(call: AnyCall, fault: Fault): void {
    this.backing.refused?.(fault, methodOf(call) ?? '', originOfPeer(call.getPeer()));
  }

  private async outcomeOf<T>(
    call: AnyCall,
    work: (caller: Caller) => T | Fault | Promise<T | Fault>,
  ): Promise<T | Fault> {
    const { currency, state } = this.backing.replica;
    const wanted = currency && wantedOf(call);
    if (wanted instanceof Fault) return wanted;
    // Who called is told to the audit log with what came of it in the end: the first of two attempts is nobody's business.
    let seen: { readonly caller: Caller | undefined } | undefined;
    const attempt = () =>
      this.attempt(call, work, (caller) => {
        seen = { caller };
      });
    const outcome = await (currency === undefined || wanted === undefined
      ? attempt()
      : answerCurrently({ currency, state }, wanted, attempt));
    return seen === undefined ? outcome : this.audited(call, outcome, seen.caller);
  }

  /** `seen` is called once it is known who calls; with undefined for somebody whose credentials are not good. */
  private async attempt<T>(
    call: AnyCall,
    work: (caller: Caller) => T | Fault | Promise<T | Fault>,
    seen: (caller: Caller | undefined) => void,
  ): Promise<T | Fault> {
    try {
      if (this.ending !== undefined) return this.ending;
      if (this.isDraining) return draining(this.refused++, this.backing.replica.leases.livesMs());
      // The connection of a local call is another door's.
      const claim = call instanceof LocalCall ? undefined : this.certified?.of(call.getPeer());
      const vouching = vouchingOf(this.backing, call, claim);
      // Most calls bring neither, and wait for nothing.
      const vouched = vouching === undefined ? undefined : await vouching;
      const isGone = () => this.isGone(call);
      if (isGone()) return givenUp();
      if (this.ending !== undefined) return this.ending;
      const caller =
        vouched instanceof Fault
          ? vouched
          : identify(this.backing, call, { vouched, isNameless: () => isGone() || this.isShared(call) });
      seen(caller instanceof Fault ? undefined : caller);
      if (caller instanceof Fault) return caller;
      const refused = this.backing.gatekeeper.admit(methodOfPath(call.getPath()), caller, call);
      if (refused !== undefined) return refused;
      if (!caller.isNobody) this.vouch(call);
      const outcome = await work(caller);
      if (!(outcome instanceof Fault) && hasProof(call)) this.vouch(call);
      return outcome;
    } catch (error) {
      return this.internal(call, error);
    }
  }

  /** Whether a call has ended, or its connection: that is known before its calls have heard of it. */
  private isGone(call: AnyCall): boolean {
    if (call.cancelled || call instanceof LocalCall || this.connections === undefined) return call.cancelled;
    return !this.connections.has(call.getPeer());
  }

  /** Whether the connection of a call has its name in common with another one: what is shown on it is shown by nobody. */
  private isShared(call: AnyCall): boolean {
    return !(call instanceof LocalCall) && this.connections?.isShared(call.getPeer()) === true;
  }

  /** Tells the audit log what came of a call. */
  private audited<T>(call: AnyCall & { readonly request?: unknown }, outcome: T | Fault, caller?: Caller): T | Fault {
    const { audit, gatekeeper } = this.backing;
    if (audit !== undefined) auditCall(audit, { call, outcome, caller, gatekeeper });
    return outcome;
  }

  /** The connection of a call has shown a valid credential. */
  vouch(call: AnyCall): void {
    if (call instanceof LocalCall) call.vouch();
    else this.connections?.vouch(call.getPeer());
  }

  /** A fault of ours. The client gets an id, and the log gets the rest under it. */
  internal(call: AnyCall, error: unknown): Fault {
    return internalFault(this.backing, call.getPath(), error);
  }
}
