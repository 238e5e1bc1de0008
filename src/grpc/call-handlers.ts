import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { Fault } from '../core/model/fault.js';
import { MeteredSource } from '../fair/metered-source.js';
import type { Backing } from './backing.js';
import { absent, givenUp, missing } from './call-faults.js';
import { type AnyCall, type CallConnections, CallReception } from './call-reception.js';
import { type Caller, ownsNothing } from './caller.js';
import { encoded } from './encode/encoded.js';
import { type AnswerFate, CALL_METADATA } from './http2/answer-fates.js';
import type { CertifiedConnections } from './http2/certified-connections.js';
import { LocalCall } from './local-calls.js';
import { Outflows } from './outflows.js';
import { pump, type Source } from './pump.js';
import { methodOfPath } from './rules.js';
import { toError } from './status.js';

/** What a method answers: a message, a refusal, or either of them later. */
export type Answer<A> = A | Fault | Promise<A | Fault>;

/** A response about something that was made for the caller, and how that is taken back when the caller is not there to hear of it. */
export interface MadeForCaller<A> {
  readonly response: A;
  readonly takeBack: () => void;
}

/** A costly method's next part: what the method answers, or `more` when that was not the last. */
export type Step<A> = () => A | Fault | 'more';

/**
 * Makes grpc-js handlers of methods that know nothing of grpc-js: who calls is found out, refusals become errors, and what
 * is thrown becomes an id in the log.
 */
export class Calls {
  /** What watches have on their way. */
  readonly outflows: Outflows;
  private readonly reception: CallReception;

  constructor(
    readonly backing: Backing,
    /** What counts the messages of watches in all, and is told of callers who prove who they are; none where nothing counts. */
    private readonly connections?: CallConnections,
    /** What connections have shown; undefined where no certificate says who somebody is. */
    certified?: Pick<CertifiedConnections, 'of'>,
    /** What watches have on their way, where the services of other networks share it; absent: one of its own. */
    outflows?: Outflows,
  ) {
    const countOf = (name: string) => {
      const peer = connections?.find(name);
      return peer && ((message: Uint8Array) => connections!.holdings.watches.take(peer, message));
    };
    this.outflows = outflows ?? new Outflows({ limits: backing.limits, countOf });
    this.reception = new CallReception(backing, connections, certified);
  }

  /** From now on every new call is refused, with `why`; without it those that run go on. */
  drain(why?: Fault): void {
    this.reception.drain(why);
  }

  /** The connection of a call has shown a valid credential. */
  vouch(call: AnyCall): void {
    this.reception.vouch(call);
  }

  /** Resets a call of a method whose fate is watched, with whatever its client has not taken. */
  reset(call: AnyCall): void {
    const [name] = call.metadata.get(CALL_METADATA);
    this.connections?.fates.reset?.(String(name));
  }

  /** The request of a watched call says no more than what it has taken from now on. */
  confirmsOnly(call: AnyCall): void {
    const [name] = call.metadata.get(CALL_METADATA);
    this.connections?.fates.confirmsOnly?.(String(name));
  }

  /** A unary method that this version documents and does not have. */
  absent<Q, A>(): handleUnaryCall<Q, A> {
    return (call, callback) => callback(toError(absent(call)));
  }

  /** A method for everybody. */
  anyone<Q, A>(work: (request: Q, caller: Caller) => Answer<A>): handleUnaryCall<Q, A> {
    return (call, callback) => {
      void this.reception
        .settle(call, (caller) => work(call.request, caller))
        .then((answer) => (answer instanceof Fault ? callback(toError(answer)) : callback(null, answer)));
    };
  }

  /**
   * A method for everybody that costs more than its call. `begin` checks the request at once; the steps that it answers with
   * are done in the turns of the caller's address, and the answer is encoded in them, too.
   */
  costly<Q, A>(begin: (request: Q, caller: Caller) => Step<A> | Fault): handleUnaryCall<Q, A> {
    return (call, callback) => {
      const tell = (answer: A | Fault) =>
        answer instanceof Fault ? callback(toError(answer)) : callback(null, answer);
      void this.reception
        .settle(call, (caller) => {
          const go = () => {
            const step = begin(call.request, caller);
            return step instanceof Fault ? step : this.inTurns(call, caller, step, tell);
          };
          const { currency } = this.backing.replica;
          // What its steps do not find they say at once.
          return currency === undefined ? go() : currency.current().then((behind) => behind ?? go());
        })
        .then((fault) => {
          if (fault instanceof Fault) tell(fault);
        });
    };
  }

  /** The same for methods that need a session or an administrator. */
  sessionOrAdminCostly<Q, A>(begin: (request: Q, caller: Caller) => Step<A> | Fault): handleUnaryCall<Q, A> {
    return (call, callback) =>
      this.costly<Q, A>((request, caller) => (ownsNothing(call, caller) ? missing(call) : begin(request, caller)))(
        call,
        callback,
      );
  }

  /** A method that needs a session. */
  session<Q, A>(
    work: (request: Q, sid: number, call: ServerUnaryCall<Q, A>, caller: Caller) => Answer<A>,
  ): handleUnaryCall<Q, A> {
    return (call, callback) =>
      this.anyone<Q, A>((request, caller) =>
        caller.sid === undefined ? missing(call) : work(request, caller.sid, call, caller),
      )(call, callback);
  }

  /**
   * A method for everybody that makes something. Nothing is made for a caller that has given up by then; what was made is taken
   * back when the answer cannot be sent any more.
   */
  makingForAnyone<Q, A>(
    work: (request: Q, caller: Caller, call: ServerUnaryCall<Q, A>) => Promise<MadeForCaller<A> | Fault> | Fault,
  ): handleUnaryCall<Q, A> {
    return (call, callback) => {
      const fate = this.fateOf(call);
      const lateAtMs = this.lateAtMs(call);
      const isGivenUp = () => call.cancelled || fate?.isLost === true || lateAtMs <= this.backing.clock.nowMs();
      void this.reception
        .settle(call, (caller) => (isGivenUp() ? givenUp() : work(call.request, caller, call)))
        .then((made) => {
          if (made instanceof Fault) {
            callback(toError(made));
            return;
          }
          if (isGivenUp()) {
            made.takeBack();
            callback(toError(givenUp()));
            return;
          }
          fate?.onLost(made.takeBack);
          callback(null, made.response);
        });
    };
  }

  /** The same for a method that needs a session. */
  making<Q, A>(
    work: (request: Q, sid: number, call: ServerUnaryCall<Q, A>, caller: Caller) => Promise<MadeForCaller<A> | Fault>,
  ): handleUnaryCall<Q, A> {
    return this.makingForAnyone<Q, A>((request, caller, call) =>
      caller.sid === undefined ? missing(call) : work(request, caller.sid, call, caller),
    );
  }

  /** A method that needs a session or an administrator. */
  sessionOrAdmin<Q, A>(
    work: (request: Q, caller: Caller, call: ServerUnaryCall<Q, A>) => Answer<A>,
  ): handleUnaryCall<Q, A> {
    return (call, callback) =>
      this.anyone<Q, A>((request, caller) => (ownsNothing(call, caller) ? missing(call) : work(request, caller, call)))(
        call,
        callback,
      );
  }

  /** A watch for everybody. It counts against the watches of its connection. */
  watch<Q, A>(begin: (request: Q, caller: Caller) => Source<Uint8Array> | Fault): handleServerStreamingCall<Q, A> {
    return this.stream((call, caller) => this.beginWatch(call, caller, () => begin(call.request, caller)), encoded<A>);
  }

  /** A watch that needs a session or an administrator. */
  sessionOrAdminWatch<Q, A>(
    begin: (request: Q, caller: Caller) => Source<Uint8Array> | Fault,
  ): handleServerStreamingCall<Q, A> {
    return this.stream(
      (call, caller) =>
        ownsNothing(call, caller) ? missing(call) : this.beginWatch(call, caller, () => begin(call.request, caller)),
      encoded<A>,
    );
  }

  /** A stream that belongs to a session, one for each at most. */
  sessionStream<Q, M, A>(
    begin: (request: Q, sid: number, caller: Caller, call: ServerWritableStream<Q, A>) => Answer<Source<M>>,
    encode: (message: M) => A,
  ): handleServerStreamingCall<Q, A> {
    return this.stream(async (call, caller) => {
      if (caller.sid === undefined) return missing(call);
      const source = await begin(call.request, caller.sid, caller, call);
      return source instanceof Fault ? source : this.guarded(call, caller, source);
    }, encode);
  }

  /** A call both ways that belongs to a session. `begin` takes it over, or refuses it. */
  sessionDuplex<Q, A>(
    begin: (call: ServerDuplexStream<Q, A>, sid: number, caller: Caller) => Fault | undefined,
  ): handleBidiStreamingCall<Q, A> {
    return (call) => {
      const work = (caller: Caller) => (caller.sid === undefined ? missing(call) : begin(call, caller.sid, caller));
      void this.reception.settle(call, work).then((fault) => {
        if (fault !== undefined) call.emit('error', toError(fault));
      });
    };
  }

  /** A call both ways for everybody. `begin` takes it over. */
  anyDuplex<Q, A>(begin: (call: ServerDuplexStream<Q, A>) => void): handleBidiStreamingCall<Q, A> {
    return (call) => {
      void this.reception
        .settle(call, () => begin(call))
        .then((fault) => {
          if (fault instanceof Fault) call.emit('error', toError(fault));
        });
    };
  }

  private stream<Q, M, A>(
    begin: (call: ServerWritableStream<Q, A>, caller: Caller) => Answer<Source<M>>,
    encode: (message: M) => A,
  ): handleServerStreamingCall<Q, A> {
    return (call) => {
      void this.reception
        .settle(call, (caller) => begin(call, caller))
        .then((source) => {
          if (source instanceof Fault) call.emit('error', toError(source));
          else {
            // The client hears at once that its call was taken, also when the first message has to wait for its turn.
            if (!call.cancelled) call.sendMetadata(new Metadata());
            pump(source, call, encode, (error) => this.reception.internal(call, error));
          }
        });
    };
  }

  /** What becomes of the answer to a call; undefined where nobody watches that. */
  private fateOf(call: AnyCall): AnswerFate | undefined {
    if (call instanceof LocalCall) return call;
    const [name] = call.metadata.get(CALL_METADATA);
    return this.connections?.fates.find(String(name));
  }

  /**
   * When a call's deadline passes, by the clock that nobody sets; the timer of it may fire later. grpc-js names the deadline by the wall
   * clock, as of the call's beginning.
   */
  private lateAtMs(call: Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline'>): number {
    const { clock } = this.backing;
    return clock.nowMs() + (Number(call.getDeadline()) - clock.wallMs());
  }

  private inTurns<A>(
    call: ServerUnaryCall<unknown, A>,
    { origin }: Caller,
    step: Step<A>,
    tell: (answer: A | Fault) => void,
  ): Promise<undefined | Fault> {
    const { turns } = this.backing;
    const stepAndTell = (): 'more' | undefined => {
      const answer = step();
      if (answer === 'more') return 'more';
      if (answer instanceof Fault) this.reception.noteRefusal(call, answer);
      tell(answer);
      return undefined;
    };
    return turns.run<undefined>(turns.keyOf(origin), stepAndTell, () => !call.cancelled);
  }

  /** Leads a watch through its connection's outflow, which counts it until it is closed; refuses one too many. */
  private beginWatch(
    call: AnyCall,
    caller: Caller,
    begin: () => Source<Uint8Array> | Fault,
  ): Source<Uint8Array> | Fault {
    const outflow = this.outflows.of(call.getPeer());
    if (outflow instanceof Fault) return outflow;
    const { turns, clock } = this.backing;
    const key = turns.keyOf(caller.origin);
    const fromMs = clock.nowMs();
    const source = begin();
    // A snapshot is taken here, if none is shared.
    turns.charge(key, clock.nowMs() - fromMs);
    if (source instanceof Fault) return source;
    this.outflows.keep(outflow);
    return outflow.through(new MeteredSource(this.guarded(call, caller, source), key, { turns, clock }));
  }

  /** A source that ends when its caller may not read it any more. */
  private guarded<M>(call: AnyCall, caller: Caller, source: Source<M>): Source<M> {
    return this.backing.gatekeeper.guard(source, methodOfPath(call.getPath()), caller);
  }
}
