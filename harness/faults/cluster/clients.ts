import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { durationOf, GrpcChannel, SwitchyardError } from '../../../src/client/index.js';
import type { SeededRandom } from '../../simulation/machine/random.js';
import type { Call, Outcome } from './judge.js';

/** How many instances there are at a time about which calls are judged, and how many sessions that only renew. */
const CELLS = 6;
const KEEPERS = 6;
/** An instance has so many calls, then another one takes its place: its history is searched as one. */
const CALLS_OF_A_CELL = 24;
/** A call without an answer is given up, and nobody knows what became of it. */
const CALL_MS = 4_000;
/** No lease of those about which calls are judged ends in a run. */
const LONG_MS = 600_000;
/** Those that only renew. With a journal that is shared a lease lives two seconds longer. */
const SHORT_MS = 8_000;
const RENEW_MS = 700;
const PACE_MS = 60;
/** Before a client goes on that got no answer. */
const REFUSED_MS = 100;

/** Answers that say that a session has ended. */
const GONE: ReadonlySet<string> = new Set([
  'SESSION_NOT_FOUND',
  'SESSION_EXPIRED',
  'SESSION_SERVER_LOST',
  'SESSION_SUPERSEDED',
  'SESSION_TERMINATED',
  'SESSION_TOKEN_INVALID',
]);

type Methods = typeof SessionServiceService;
type Name = 'session' | 'keepAlive' | 'getSession' | 'terminateSession';
type RequestOf<N extends Name> = Parameters<Methods[N]['requestSerialize']>[0];
type ResponseOf<N extends Name> = ReturnType<Methods[N]['responseDeserialize']>;

/** A session that a client was given. */
interface Held {
  readonly mark: string;
  readonly sid: number;
  readonly token: string;
  readonly revision: number;
}

/** What a call is about, for the history. */
interface About {
  readonly kind: Call['kind'];
  readonly key: string;
  readonly mark: string;
  readonly sid: number;
  readonly after: number;
  readonly ttlMs: number;
}

/** Clients that ask any of the servers, each call once, and write down what they were told. */
export class ClusterClients {
  /** Since the last {@link take}. */
  readonly #calls: Call[] = [];
  readonly #channels: readonly GrpcChannel[];
  readonly #random: SeededRandom;
  readonly #closing = new AbortController();
  #marks = 0;
  #loops: Promise<void>[] = [];
  #isResting = false;
  /** When commands were acknowledged, since the last {@link takeAcknowledged}. */
  readonly #acknowledgedMs: number[] = [];

  constructor(addresses: readonly string[], random: SeededRandom) {
    this.#channels = addresses.map((address) => new GrpcChannel(address));
    this.#random = random;
  }

  /** From now on they are at work. */
  begin(): void {
    this.#isResting = false;
    const cells = Array.from({ length: CELLS }, () => this.#cell());
    this.#loops = [...cells, ...Array.from({ length: KEEPERS }, () => this.#keeper())];
  }

  /** Lets every client come to the end of what it does. */
  async rest(): Promise<void> {
    this.#isResting = true;
    await Promise.all(this.#loops);
  }

  /** The calls that were answered since the last time. Whoever judges them lets clients rest before. */
  take(): readonly Call[] {
    return this.#calls.splice(0);
  }

  /** How many of those calls were answered, and of how many nobody knows what became of them. */
  count(): { readonly answered: number; readonly unknown: number } {
    const unknown = this.#calls.filter(({ outcome }) => outcome === 'unknown').length;
    return { answered: this.#calls.length - unknown, unknown };
  }

  /** The moments in which commands were acknowledged since the last time. */
  takeAcknowledged(): readonly number[] {
    return this.#acknowledgedMs.splice(0);
  }

  /** Whether a server stores a command now. */
  async stores(server: number): Promise<boolean> {
    const mark = this.#mark();
    const key = randomUUID();
    const held = await this.#open(key, mark, LONG_MS, server);
    if (held === undefined) return false;
    await this.#close(key, held, server);
    return true;
  }

  /** Opens a session at a server that its client leaves alone from then on. Resolves with its mark; undefined where it was not opened. */
  async leave(server: number): Promise<string | undefined> {
    const mark = this.#mark();
    const held = await this.#open(randomUUID(), mark, SHORT_MS, server);
    return held === undefined ? undefined : mark;
  }

  /** Every session's SID and name as a server shows them; undefined where it does not answer. */
  async sessions(server: number): Promise<ReadonlyMap<number, string> | undefined> {
    const found = new Map<number, string>();
    try {
      for (let pageToken = ''; ; ) {
        const request = { pageSize: 1_000, pageToken, instanceType: 0, instanceUuid: '' };
        const page = await this.#channels[server].unary(SessionServiceService.listSessions, request, this.#call({}));
        for (const { cvid, name } of page.sessions) found.set(cvid, name);
        pageToken = page.nextPageToken;
        if (pageToken === '') return found;
      }
    } catch (error) {
      if (error instanceof SwitchyardError) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#closing.abort(new Error('the clients are closed'));
    for (const channel of this.#channels) channel.close();
  }

  /** One instance after the other, with two clients that open and end its sessions and one that reads them. */
  async #cell(): Promise<void> {
    while (!this.#isResting) {
      const cell = { key: randomUUID(), left: CALLS_OF_A_CELL, last: undefined as Held | undefined };
      const left: Held[] = [];
      const owner = async () => {
        while (this.#goesOn(cell)) {
          const held = await this.#open(cell.key, this.#mark(), LONG_MS, this.#anyServer());
          await this.#pause();
          if (held === undefined) continue;
          cell.last = held;
          if (this.#random.chance(0.6)) await this.#close(cell.key, held, this.#anyServer());
          else left.push(held);
        }
      };
      const reader = async () => {
        while (this.#goesOn(cell)) {
          await this.#pause();
          if (cell.last !== undefined) await this.#read(cell.key, cell.last);
        }
      };
      await Promise.all([owner(), owner(), reader()]);
      for (const held of left) await this.#close(cell.key, held, this.#anyServer());
    }
  }

  #goesOn(cell: { left: number }): boolean {
    return !this.#isResting && cell.left-- > 0;
  }

  /** A session that lives by its renewals alone. */
  async #keeper(): Promise<void> {
    let held: Held | undefined;
    let key = '';
    while (!this.#isResting) {
      if (held === undefined) {
        key = randomUUID();
        held = await this.#open(key, this.#mark(), SHORT_MS, this.#anyServer());
      } else if ((await this.#renew(key, held)) === 'gone') held = undefined;
      await sleep(RENEW_MS * (0.5 + this.#random.fraction()));
    }
    if (held !== undefined) await this.#close(key, held, this.#anyServer());
  }

  async #open(key: string, mark: string, ttlMs: number, server: number): Promise<Held | undefined> {
    const about: About = { kind: 'open', key, mark, sid: 0, after: 0, ttlMs };
    const request = { instanceUuid: key, instanceType: 2, instanceFlavor: 0, name: mark, labels: {} };
    const answer = await this.#ask(server, 'session', { ...request, ttl: durationOf(ttlMs) }, {}, about);
    if (answer.response === undefined) return undefined;
    const { instanceSid: sid, sessionToken: token, position } = answer.response;
    return { mark, sid, token, revision: Number(position?.revision ?? 0) };
  }

  async #close(key: string, held: Held, server: number): Promise<void> {
    const about: About = { ...held, kind: 'close', key, after: 0, ttlMs: LONG_MS };
    await this.#ask(server, 'terminateSession', { cvid: 0, reason: '' }, tokenOf(held), about);
  }

  async #read(key: string, held: Held): Promise<void> {
    const after = this.#random.chance(0.5) ? held.revision : 0;
    const metadata: Record<string, string> = after === 0 ? {} : { 'switchyard-after': String(after) };
    const about: About = { ...held, kind: 'read', key, after, ttlMs: LONG_MS };
    await this.#ask(this.#anyServer(), 'getSession', { cvid: held.sid }, metadata, about);
  }

  async #renew(key: string, held: Held): Promise<Outcome> {
    const about: About = { ...held, kind: 'renew', key, after: 0, ttlMs: SHORT_MS };
    return (await this.#ask(this.#anyServer(), 'keepAlive', {}, tokenOf(held), about)).outcome;
  }

  async #ask<N extends Name>(
    server: number,
    name: N,
    request: RequestOf<N>,
    metadata: Record<string, string>,
    about: About,
  ): Promise<{ readonly outcome: Outcome; readonly response: ResponseOf<N> | undefined }> {
    const begunMs = performance.now();
    let response: ResponseOf<N> | undefined;
    let outcome: Outcome = 'done';
    let answer = `s${server + 1}`;
    try {
      const method = SessionServiceService[name] as never;
      response = await this.#channels[server].unary<RequestOf<N>, ResponseOf<N>>(method, request, this.#call(metadata));
    } catch (error) {
      if (!(error instanceof SwitchyardError)) throw error;
      outcome = outcomeOf(error);
      answer += `, ${error.reason ?? error.code}`;
    }
    const endedMs = performance.now();
    const isStored = about.kind === 'open' || about.kind === 'close';
    if (outcome === 'done' && isStored) this.#acknowledgedMs.push(endedMs);
    // A server that is not there refuses at once, again and again.
    if (outcome === 'unknown' || outcome === 'nothing') await sleep(REFUSED_MS);
    const sid = (response as { instanceSid?: number } | undefined)?.instanceSid ?? about.sid;
    const position = (response as { position?: { revision: bigint } } | undefined)?.position;
    this.#calls.push({ ...about, answer, sid, begunMs, endedMs, outcome, revision: Number(position?.revision ?? 0n) });
    return { outcome, response };
  }

  #call(metadata: Record<string, string>) {
    return { metadata, signal: this.#closing.signal, timeoutMs: CALL_MS };
  }

  #pause(): Promise<void> {
    return sleep(this.#random.fraction() * 2 * PACE_MS);
  }

  #anyServer(): number {
    return this.#random.below(this.#channels.length);
  }

  #mark(): string {
    this.#marks++;
    return `m${this.#marks}`;
  }
}

/** What an error says became of the call. */
function outcomeOf({ reason, retryAfterMs }: SwitchyardError): Outcome {
  if (reason === undefined || reason === 'OUTCOME_UNKNOWN') return 'unknown';
  if (GONE.has(reason)) return 'gone';
  return retryAfterMs !== undefined || reason === 'JOURNAL_UNAVAILABLE' ? 'nothing' : 'unknown';
}

function tokenOf({ token }: Held): Record<string, string> {
  return { 'switchyard-session': token };
}
