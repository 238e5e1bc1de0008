import { ExchangeRequest, TransportServiceService } from '../../../gen/switchyard/v1/transport_service.js';
import { SwitchyardError } from '../../../src/client/error.js';
import { StatusCode } from '../../../src/client/status.js';
import type { Change } from '../../../src/core/model/change.js';
import { decodeBody } from '../../../src/system/codec/body.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { EVENTS, type EventBody, encodeEvent, type SystemEvent } from '../../../src/system/codec/event.js';
import { encodePacketHeader } from '../../../src/system/codec/packet.js';
import { SimulatedChannel } from '../machine/channel.js';
import { type Network, Route } from '../machine/network.js';
import { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';
import type { Truth } from '../truth.js';
import type { Verdict } from '../verdict.js';
import { eventOf } from './system-packets.js';

/** Where they come from. No host of a world has it. */
export const HALF_CLOSERS_ADDRESS = '198.51.100.79';
/** How the UUID of each of their instances begins; every conversation has another. */
const UUID_PREFIX = '4a1fc000-0000-4000-8000-';
/** A type that no host has, with SIDs of its own. */
const INSTANCE_TYPE = 7;
/** Short, so that those who do not end their session leave their address a place for the next one. */
const TTL_MS = 10_000;
const PACE_MS = 1_900;
/** A conversation that has not ended by then is given up. */
const TIMEOUT_MS = 60_000;
/** How long after everything is calm the last conversation begins: a server that was down is up again. */
const LAST_AFTER_MS = 60_000;

/** What half-closing clients find in a world. */
export interface HalfClosersDeps {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: SeededRandom;
  readonly verdict: Verdict;
  readonly truth: Truth;
  /** Sessions of others, to send streams to. */
  readonly peers: () => readonly number[];
}

type Answer = EventBody<'Answer'>;

/** What one of them asks, and what it has heard. Each type of event is asked once, with its number as the packet id. */
interface Conversation {
  readonly uuid: string;
  readonly asked: readonly SystemEvent[];
  readonly answers: Map<number, Answer>;
  /** Why the server said that it ends the conversation by itself. */
  farewell: string | undefined;
}

/**
 * Clients of system events that say all that they have to say, end their side at once as `nc -N` does, and read.
 *
 * **Answered**: whose call the server ends well has the answer to every request, each once; and what an answer says was done, was.
 */
export class HalfClosers {
  readonly #deps: HalfClosersDeps;
  readonly #process: Process;
  readonly #route: Route;
  readonly #channel: SimulatedChannel;
  readonly #writer = new ByteWriter();
  #count = 0;
  #isOver = false;
  /** What became of the conversation that was begun when nothing went wrong any more. */
  #last = 'was not begun';

  constructor(deps: HalfClosersDeps) {
    const { scheduler, network, random } = deps;
    this.#deps = deps;
    this.#process = new Process(scheduler);
    this.#route = new Route(HALF_CLOSERS_ADDRESS, network, random.fork(1));
    this.#channel = new SimulatedChannel(this.#route, this.#process, () => {});
  }

  begin(): void {
    if (this.#isOver) return;
    if (this.#deps.random.chance(1 / 6)) this.#disturb();
    void this.#converse();
    this.#process.clock.after(PACE_MS, () => this.begin());
  }

  /** No more are begun, but for the last one, which has to come to its end. */
  end(): void {
    this.#isOver = true;
    this.#route.latencyMs = 4;
    this.#route.heal();
    this.#process.clock.after(LAST_AFTER_MS, () => {
      this.#last = 'has not ended';
      void this.#converse().then((outcome) => {
        this.#last = outcome;
      });
    });
  }

  /** What is wrong with the last conversation; empty when it ended as it should. */
  unfinished(): string[] {
    return this.#last === '' ? [] : [`a conversation whose client has ended its side ${this.#last}`];
  }

  /** Something becomes of the connection that the next conversations go over. */
  #disturb(): void {
    const { random } = this.#deps;
    const { clock } = this.#process;
    this.#route.latencyMs = random.pick([1, 4, 40, 400]);
    if (random.chance(1 / 2)) return;
    clock.after(random.between(1, 40), () => this.#route.partition());
    clock.after(random.between(100, 4_000), () => this.#route.heal());
  }

  /** Has a conversation from its first request to its end. Answers with how it broke; empty: it ended as it should. */
  async #converse(): Promise<string> {
    const { random, verdict } = this.#deps;
    const number = this.#count++;
    const uuid = `${UUID_PREFIX}${String(number).padStart(12, '0')}`;
    const conversation: Conversation = { uuid, asked: this.#ask(uuid), answers: new Map(), farewell: undefined };
    const call = { metadata: {}, timeoutMs: TIMEOUT_MS, signal: new AbortController().signal };
    try {
      const packets = this.#channel.duplex(TransportServiceService.exchange, this.#requests(conversation), call);
      for await (const { packet } of packets) {
        this.#hear(conversation, packet);
        if (random.chance(1 / 8)) await this.#process.wait(random.fraction() * 2_000);
      }
    } catch (error) {
      if (!(error instanceof SwitchyardError)) verdict.fail('Sound', `a conversation threw ${String(error)}`);
      else if (error.code === StatusCode.INTERNAL) verdict.fail('Sound', `Exchange ended with ${error.message}`);
      return `broke: ${String(error)}`;
    }
    this.#judge(conversation);
    return conversation.farewell === undefined ? '' : `was ended: ${conversation.farewell}`;
  }

  /**
   * A session, and now and then what can be asked before it and behind it without waiting for its answer. The last conversation
   * does not end its session: that it ends is for its client's end alone.
   */
  #ask(uuid: string): SystemEvent[] {
    const { random, peers } = this.#deps;
    const watch = random.chance(1 / 3) ? { deltas: true } : undefined;
    const asked: SystemEvent[] = [
      { type: 'Session', body: { instanceUuid: uuid, instanceType: INSTANCE_TYPE, ttlMs: TTL_MS, watch } },
    ];
    if (random.chance(1 / 2)) asked.unshift({ type: 'EnumerateTransport', body: {} });
    if (random.chance(1 / 3)) asked.push({ type: 'KeepAlive', body: {} });
    const sids = peers();
    if (sids.length > 0 && random.chance(1 / 2)) {
      asked.push({ type: 'CreateStream', body: { params: { name: `half ${uuid}` }, sinkCvids: [random.pick(sids)] } });
    }
    if (!this.#isOver && random.chance(2 / 3)) asked.push({ type: 'TerminateSession', body: {} });
    return asked;
  }

  /** All that is asked, one packet after the other, and then the end of this side. */
  async *#requests({ asked }: Conversation): AsyncGenerator<ExchangeRequest> {
    const writer = this.#writer;
    for (const event of asked) {
      const packetId = EVENTS[event.type].number;
      encodePacketHeader(writer, { streamId: 0, event: true, compressed: false, noise: false, packetId });
      encodeEvent(writer, event);
      yield ExchangeRequest.fromPartial({ packet: Buffer.from(writer.finish()) });
    }
  }

  #hear(conversation: Conversation, packet: Uint8Array): void {
    const { event, packetId } = eventOf(packet) ?? {};
    if (event?.type === 'EndpointClosed') conversation.farewell = 'its session has ended';
    if (event?.type !== 'Answer') return;
    if (packetId === undefined) conversation.farewell = event.body.description ?? `code ${event.body.code}`;
    else if (!conversation.answers.has(packetId)) conversation.answers.set(packetId, event.body);
    else this.#deps.verdict.fail('Answered', `${conversation.uuid} got a second answer to packet ${packetId}`);
  }

  /** Holds what a conversation was answered against what it asked, and what was done. */
  #judge({ uuid, asked, answers, farewell }: Conversation): void {
    const { verdict } = this.#deps;
    for (const { type } of asked) {
      const answer = answers.get(EVENTS[type].number);
      if (answer === undefined && farewell === undefined) {
        verdict.fail('Answered', `${uuid} has ended its side, and its call ended without an answer to ${type}`);
      } else if (answer?.code === 0 && !this.#wasDone(type, uuid, answer)) {
        verdict.fail('Answered', `${uuid} was told that ${type} was done, which is not in the journal`);
      }
    }
  }

  #wasDone(type: SystemEvent['type'], uuid: string, { data }: Answer): boolean {
    const { truth } = this.#deps;
    const opened = (change: Change) => change.kind === 'SessionOpened' && change.session.uuid === uuid;
    switch (type) {
      case 'Session': {
        const body = decodeBody(EVENTS.Session.answerTable, data!);
        return 'position' in body && this.#changesAt(body.position.revision).some(opened);
      }
      case 'CreateStream': {
        const body = decodeBody(EVENTS.CreateStream.answerTable, data!);
        if (!('stream' in body)) return false;
        const { id, position } = body.stream;
        return this.#changesAt(position.revision).some(({ kind, ...rest }) => {
          return kind === 'StreamPut' && 'stream' in rest && rest.stream.id === id;
        });
      }
      case 'TerminateSession':
        return truth.state.sessions.ofInstance(uuid) === undefined;
      default:
        return true;
    }
  }

  #changesAt(revision: number | bigint): readonly Change[] {
    return this.#deps.truth.at(Number(revision))?.changes ?? [];
  }
}
