import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { SeededRandom } from '../../../harness/simulation/machine/random.js';
import { decide } from '../../../src/core/decide/apply.js';
import type { AskConnection, Command, CreateStream, OpenSession } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import type { State } from '../../../src/core/store/state.js';
import { brokeredIntents } from '../../core/brokering.js';
import { type Intent, intents } from '../../core/intent.js';
import { FOUND, opening } from '../../core/network.js';

/** Instances that come and go. */
const INSTANCES = 40;
/** Instances that have to do with keys: few, so that each has several. */
const KEYED = 10;
/** Commands from one SetLimits to the next. The first of them are decided by the limits that every journal begins with. */
const LIMITS_EVERY = 90;
const RENEW_EVERY = 150;
/** With fewer sessions than these more come than by chance, so that less is refused because nobody is there. */
const FEW = 12;
/** Requests that may be asked for again: the last ones. */
const REQUESTS_KEPT = 8;
/** What limits are lowered to, a few of them at a time: each is to be met while the others leave room. */
const LOW: Partial<Limits> = {
  ...{ linksPerNodeMax: 2, linksMax: 9, reportsPerNodeMax: 1, reportsMax: 3, streamsPerSessionMax: 1, streamsMax: 8 },
  ...{ sinksPerStreamMax: 3, branchesPerSinkMax: 1, branchesMax: 12, endedMax: 3 },
  ...{ sessionsMax: 12, sidBaseMax: 14, ordersPerSessionMax: 2, connectionsPendingPerSessionMax: 2 },
  ...{ connectionsPendingMax: 5, connectionsPerSessionMax: 2, connectionsFinishedMax: 3, attemptsPerConnectionMax: 1 },
  ...{ upgradesPerConnectionMax: 1, gatherDeadlineMs: 7_000, attemptDeadlineMs: 8_000, relayDeadlineMs: 6_000 },
  ...{ relayConfirmedFrom: 1 },
};
const LOWERED_SHARE = 0.25;
/** Draws in place of a command that would be refused, so that a history is not mostly of refusals. */
const DRAWS_MAX = 4;
const KEY_ACTS = [
  ...Array.from({ length: 8 }, () => 'open' as const),
  ...Array.from({ length: 8 }, () => 'rotate' as const),
  ...(['bind', 'bind', 'forget', 'revoke'] as const),
];
const LONGER_THAN_REQUESTS_MS = 660_000;

/** The kinds of commands that each format has beside those of the one before. A history has all of them. */
export const NEW_KINDS: Readonly<Record<number, readonly Command['kind'][]>> = {
  2: [
    ...(['FoundNetwork', 'OpenSession', 'CloseSession', 'RequestTermination', 'AnswerOrder', 'ReportLink'] as const),
    ...(['AskConnection', 'AnswerGather', 'AnswerAttempt', 'ExpireOrder', 'ExpireConnection'] as const),
    ...(['CreateStream', 'UpdateStreamParams', 'TerminateStream', 'StopStream', 'SetLimits'] as const),
  ],
  3: ['BindKey', 'RotateKey', 'ForgetKey', 'RevokeIdentity'],
  4: ['RenewEpoch'],
};

/**
 * Commands of one format after the other, as a fleet would ask for them that has to do with every bound: much is refused. Each is
 * chosen by the state that those before it came to, so the caller applies it before it asks for the next.
 */
export class CommandHistory {
  readonly #random: SeededRandom;
  /** Requests that may be asked for again. */
  readonly #requests: (CreateStream | AskConnection)[] = [];
  #nowMs = 1_800_000_000_000;

  constructor(
    private readonly format: 2 | 3 | 4,
    private readonly seed: number,
  ) {
    this.#random = new SeededRandom(seed);
  }

  /** As many commands, from the first of a journal on. */
  *commands(state: State, count: number): Iterable<Command> {
    yield this.#stamped(FOUND);
    const lists = [this.#sample(intents, count), this.#sample(brokeredIntents, count)];
    const draw = () => {
      const hasOrders = !isEmpty(state.orders.all());
      // Orders are for brokered connections mostly, and wait for what their ends do.
      const list = lists[Number(this.#random.chance(hasOrders ? 0.8 : 0.4))];
      return list[this.#random.below(list.length)].command(state);
    };
    for (let at = 1; at < count; at++) {
      let command = this.#next(state, at);
      for (let draws = 0; command === undefined && draws < DRAWS_MAX; draws++) {
        const drawn = draw();
        if (draws === DRAWS_MAX - 1 || this.#random.chance(0.2) || !isFault(decide(state, drawn))) command = drawn;
      }
      yield this.#stamped(command ?? draw());
    }
  }

  #sample(runs: fc.Arbitrary<Intent[]>, count: number): Intent[] {
    return fc.sample(runs, { seed: this.seed, numRuns: Math.ceil(count / 30) }).flat();
  }

  /** What comes now in place of what people ask for by chance. */
  #next(state: State, at: number): Command | undefined {
    const random = this.#random;
    if (at % LIMITS_EVERY === 0) return { kind: 'SetLimits', limits: this.#limits() };
    if (this.format >= 4 && at % RENEW_EVERY === 0) return { kind: 'RenewEpoch', epoch: `epoch ${at}` };
    if (state.sessions.count < FEW && random.chance(0.3)) return opening(0);
    if (this.#requests.length > 0 && random.chance(0.05)) return random.pick(this.#requests);
    return this.format >= 3 && random.chance(0.2) ? this.#keyCommand(state) : undefined;
  }

  #limits(): Limits {
    const lowered = Object.entries(LOW).filter(() => this.#random.chance(LOWERED_SHARE));
    return { ...DEFAULT_LIMITS, ...Object.fromEntries(lowered) };
  }

  /** The command as it is stored: with its time, and with what the intents leave alike. */
  #stamped(command: Command): Command {
    const random = this.#random;
    this.#nowMs += random.below(3_000);
    if (random.chance(0.003)) this.#nowMs += LONGER_THAN_REQUESTS_MS;
    // A wall clock may be set back.
    if (random.chance(0.01)) this.#nowMs -= 10_000;
    return { ...this.#varied(command), storedAtMs: this.#nowMs };
  }

  #varied(command: Command): Command {
    const random = this.#random;
    // Random in a real journal. Here it would be most of what is left after compression.
    const nonce = () => `nonce ${random.below(1_000)}`.padEnd(16);
    switch (command.kind) {
      case 'OpenSession':
        return this.#opening(command);
      case 'CreateStream':
        return this.#requests.includes(command) ? command : this.#requested(command);
      case 'AskConnection':
        if (this.#requests.includes(command)) return command;
        return this.#requested({ ...command, nonce: nonce(), relayVersion: random.below(4) });
      case 'AnswerGather':
        return { ...command, nonce: nonce(), relayVersion: random.below(4) };
      case 'AnswerAttempt': {
        const local = { host: `10.0.0.${random.below(200)}`, port: 1_000, type: 1, priority: random.below(9) };
        return { ...command, nonce: nonce(), pairs: [{ local, remote: local, outcome: 'no answer' }] };
      }
      default:
        return command;
    }
  }

  #opening(command: OpenSession): OpenSession {
    const random = this.#random;
    const tokenHash = `hash ${random.below(1_000)}`.padStart(32);
    if (command.proven !== undefined) return { ...command, tokenHash };
    return { ...command, tokenHash, uuid: uuidOf(random.below(INSTANCES)), ttlMs: 30_000, atMs: this.#nowMs };
  }

  /** With an id in half of all cases: seldom one that its session has used for something else. */
  #requested<Requested extends CreateStream | AskConnection>(command: Requested): Requested {
    const random = this.#random;
    if (random.chance(0.5)) return command;
    const requested = { ...command, requestId: `r${random.below(30)}` };
    this.#requests.push(requested);
    if (this.#requests.length > REQUESTS_KEPT) this.#requests.shift();
    return requested;
  }

  /** Something about the key of an instance: some of them have proved one, some have not, and some prove another's. */
  #keyCommand(state: State): Command {
    const random = this.#random;
    const instance = random.below(KEYED);
    const [uuid, atMs] = [uuidOf(instance), this.#nowMs];
    const newest = state.identities.get(uuid)?.keys.at(-1)?.id;
    const next = keyOf(instance, random.below(12));
    switch (random.pick(KEY_ACTS)) {
      case 'open': {
        const identity = random.chance(0.9) ? uuid : uuidOf(random.below(KEYED));
        const keyId = newest !== undefined && random.chance(0.8) ? newest : next.keyId;
        const proven = keyId === newest ? { identity, keyId } : { identity, ...next };
        const plain = { type: 2, flavor: 0, ttlMs: 30_000, name: 'with a key', labels: {}, tokenHash: '' };
        return { kind: 'OpenSession', uuid, ...plain, atMs, proven };
      }
      case 'bind':
        return { kind: 'BindKey', uuid, ...next, atMs };
      case 'rotate': {
        const oldKeyId = newest ?? next.keyId;
        const goodUntilMs = atMs + random.below(3_000_000);
        return { kind: 'RotateKey', uuid, oldKeyId, ...keyOf(instance, random.below(12)), atMs, goodUntilMs };
      }
      case 'forget':
        return { kind: 'ForgetKey', uuid };
      case 'revoke':
        return { kind: 'RevokeIdentity', uuid };
    }
  }
}

function isEmpty(items: Iterable<unknown>): boolean {
  for (const _ of items) return false;
  return true;
}

function uuidOf(instance: number): string {
  return `00000000-0000-4000-8000-${String(instance).padStart(12, '0')}`;
}

/** One of the keys of an instance. What it is of does not matter to the core. */
function keyOf(instance: number, version: number): { readonly key: string; readonly keyId: string } {
  const key = `key ${version} of instance ${instance}`.padEnd(44);
  return { key, keyId: createHash('sha256').update(key).digest('binary') };
}
