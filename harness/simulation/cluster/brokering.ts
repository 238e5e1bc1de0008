import { Acceptances } from '../../../src/brokering/acceptances.js';
import { Asking } from '../../../src/brokering/asking.js';
import type { Command } from '../../../src/core/model/command.js';
import { ConnectionRole, PathKind } from '../../../src/core/model/connection.js';
import { Fault } from '../../../src/core/model/fault.js';
import type { State } from '../../../src/core/store/state.js';
import { AccessTokens } from '../../../src/replica/access/access-tokens.js';
import { Gatekeeper } from '../../../src/replica/access/gatekeeper.js';
import { MonthUse } from '../../../src/replica/access/month-use.js';
import { answerCurrently } from '../../../src/replica/currency.js';
import { DEFAULT_REPLICA_LIMITS } from '../../../src/replica/limits.js';
import type { Publisher } from '../../../src/replica/publisher.js';
import type { Replica } from '../../../src/replica/replica.js';
import { defaultShares } from '../../../src/shares/limits.js';
import { Shares } from '../../../src/shares/shares.js';
import type { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';

const ORIGIN = { address: '192.0.2.1', connection: '192.0.2.1:7' };
const BROUGHT = {
  candidates: [{ host: '192.0.2.1', port: 4_000, type: 1, priority: 9 }],
  publicKey: Buffer.from('a key'),
  roundTripMs: 8,
};
/** The server coordinates, and gives a relay: first where both ends know how, and else as the last resort. */
const COORDINATED = { type: 1, port: 0, fallback: 0, requestId: '' };
const OF_SESSION = { isOfSession: true, isOnce: false };

/** What an end says of a path: it stands, is given up, or is dead and the connection is to go on through the server. */
export type PathReport = 'stands' | 'closed' | 'lost';

/** What an end answers an order with: the newest form of relayed bytes that it knows, and whether an attempt has led to a path. */
export interface OrderAnswer {
  readonly relayVersion: number;
  readonly connected: boolean;
}

/** What the brokering of a simulated server stands on. */
export interface BrokeringDeps {
  readonly state: State;
  readonly replica: Replica;
  readonly process: Process;
  readonly random: SeededRandom;
  /** A deliberate fault: how it finds what an answer is to. */
  readonly orderFor?: ((state: State) => Asking['orderFor']) | undefined;
}

/** Direct connections at a simulated server, as its doors ask for them and read what ends answer. */
export class Brokering {
  readonly publishers: readonly Publisher[];
  readonly #deps: BrokeringDeps;
  readonly #asking: Asking;

  constructor(deps: BrokeringDeps) {
    this.#deps = deps;
    const { state, replica, random } = deps;
    const { clock } = deps.process;
    const tokens = new AccessTokens({ clock, random });
    const month = new MonthUse({
      clock,
      store: undefined,
      drawKey: () => [random.word(), random.word()],
      warn: () => {},
      info: () => {},
    }).of(0);
    const gatekeeper = new Gatekeeper({ ...{ state, clock, tokens, month }, floor: 'open', bindsSessions: true });
    const key = [random.fork(1).word(), random.fork(2).word()] as const;
    const shares = new Shares({ state, limits: defaultShares(state.limits), key, isExempt: () => true });
    const acceptances = new Acceptances(state);
    this.publishers = [shares, acceptances, gatekeeper];
    this.#asking = new Asking({
      ...{ replica, gatekeeper, shares, acceptances, clock, random },
      isObserved: () => true,
      orderDeadlineMs: DEFAULT_REPLICA_LIMITS.orderDeadlineMs,
    });
    if (deps.orderFor !== undefined) this.#asking.orderFor = deps.orderFor(state);
  }

  /**
   * Asks for a connection, and resolves with its number once the peer has accepted. `relayed`: the relayed connection for which a direct
   * path is to be looked for; 0: it is a new one.
   */
  ask(sid: number, cvid: number, relayVersion: number, relayed = 0): Promise<number | Fault> {
    const asker = { sid, isAdmin: false, origin: ORIGIN, hasShown: () => false };
    return this.#currently(async () => {
      const asked = await this.#asking.ask({
        ...COORDINATED,
        ...BROUGHT,
        sid,
        cvid,
        asker,
        relayVersion,
        relayed,
      });
      return asked instanceof Fault ? asked : asked.connection.id;
    });
  }

  /** Answers an order with what an end has to say to any. */
  answer(sid: number, orderId: string, answer: OrderAnswer): Promise<Fault | undefined> {
    return this.#currently(async () => {
      const command = await this.#read(sid, orderId, answer);
      const outcome = command instanceof Fault ? command : await this.#deps.replica.submit(command);
      return outcome instanceof Fault ? outcome : undefined;
    });
  }

  /** Takes one end's word about the path of a connection. */
  report(sid: number, peer: number, connection: number, said: PathReport): Promise<Fault | undefined> {
    const established = said === 'stands';
    const path = { stands: PathKind.DIRECT, closed: PathKind.UNSPECIFIED, lost: PathKind.RELAYED }[said];
    const brokered = { connection, path, roundTripMs: 8, failed: said === 'lost' } as const;
    return this.#currently(async () => {
      const outcome = await this.#deps.replica.submit({
        kind: 'ReportLink',
        sid,
        peer,
        link: 1,
        established,
        brokered,
      });
      return outcome instanceof Fault ? outcome : undefined;
    });
  }

  async #read(sid: number, orderId: string, { relayVersion, connected }: OrderAnswer): Promise<Command | Fault> {
    const order = await this.#asking.orderFor(sid, orderId);
    if (order instanceof Fault) return order;
    switch (order?.body.kind === 'connection' ? order.body.role : undefined) {
      case ConnectionRole.GATHER:
        return this.#asking.gathered(sid, orderId, { ...BROUGHT, relayVersion }, ORIGIN.address);
      case ConnectionRole.PUNCH_CONTROLLING:
      case ConnectionRole.PUNCH_CONTROLLED:
        return this.#asking.tried(sid, orderId, { connected, pairs: [], tookMs: 5, roundTripMs: 8 });
      default:
        return { kind: 'AnswerOrder', sid, orderId, code: undefined, description: '', data: new Uint8Array() };
    }
  }

  async #currently<T>(attempt: () => Promise<T | Fault>): Promise<T | Fault> {
    const { replica, state } = this.#deps;
    const { currency } = replica;
    return currency === undefined ? attempt() : answerCurrently({ currency, state }, OF_SESSION, attempt);
  }
}
