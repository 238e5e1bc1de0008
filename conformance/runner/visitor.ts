import { randomUUID } from 'node:crypto';
import { NetworkServiceService } from '../../gen/switchyard/v1/network_service.js';
import { SessionRequest, SessionServiceService } from '../../gen/switchyard/v1/session_service.js';
import {
  GrpcChannel,
  type Instance,
  LinkType,
  StatusCode,
  Switchyard,
  SwitchyardError,
} from '../../src/client/index.js';
import type { Fields } from './case.js';
import { Refused } from './testee.js';

const DEFAULT_NETWORK = 'default';
const TYPE_CLIENT = 3;
const CALL_MS = 20_000;
/** As many labels as a session may have; sessions that are opened at once. */
const LABELS = 16;
const AT_ONCE = 50;

type Action = (fields: Fields) => Promise<Fields>;

/** Somebody else who uses the server of a case: joins, ends the testee's sessions, asks it for connections. */
export class Visitor {
  /** By network. */
  readonly #yards = new Map<string, Switchyard>();
  readonly #administrator: Switchyard;
  readonly #channel: GrpcChannel;
  readonly #instances = new Map<string, Instance>();

  constructor(
    private readonly server: string,
    private readonly adminToken: string,
    private readonly network = DEFAULT_NETWORK,
  ) {
    this.#administrator = new Switchyard({ server, adminToken, network });
    this.#channel = new GrpcChannel(server);
  }

  /** How many connections of peers each instance has taken. */
  readonly #taken = new Map<string, number>();

  /** What it can do. */
  readonly actions: Readonly<Record<string, Action>> = {
    join: ({ as, name, uuid, network }) => this.#join(String(as), String(name ?? as), uuid, network),
    leave: async ({ as }) => {
      await this.#instances.get(String(as))?.leave();
      return {};
    },
    terminate: async ({ cvid, reason }) => {
      await this.#administrator.terminateSession(Number(cvid), String(reason ?? ''));
      return {};
    },
    session: async ({ cvid, network }) => {
      const { session } = await this.#yard(network).getSession(Number(cvid), { retry: true });
      return { name: session.name, attached: session.attached };
    },
    ask: ({ as, cvid, port }) => this.#ask(String(as), Number(cvid), Number(port)),
    takePeers: ({ as }) => this.#takePeers(String(as)),
    taken: async ({ as }) => ({ count: this.#taken.get(String(as)) ?? 0 }),
    openSessions: ({ name, count, labelBytes }) =>
      this.#openSessions(String(name), Number(count), Number(labelBytes ?? 0)),
    stop: async ({ as, id }) => {
      const { stoppedIds } = await this.#instances.get(String(as))!.stopStream(Number(id));
      return { stopped: stoppedIds };
    },
  };

  /** Creates the network of the case where the server does not have it. */
  async begin(): Promise<void> {
    if (this.network === DEFAULT_NETWORK) return;
    const ofServer = new Switchyard({ server: this.server, adminToken: this.adminToken });
    await ofServer.identities.createNetwork(this.network);
    await ofServer.close();
  }

  /** Does one thing. Rejects with {@link Refused} when the server refuses it. */
  async act(action: string, fields: Fields): Promise<Fields> {
    const run = this.actions[action];
    if (run === undefined) throw new Error(`a visitor cannot ${action}`);
    try {
      return await run(fields);
    } catch (error) {
      if (!(error instanceof SwitchyardError)) throw error;
      const code = Object.entries(StatusCode).find(([, number]) => number === error.code)?.[0] ?? '';
      throw new Refused({ code, reason: error.reason ?? '', message: error.message });
    }
  }

  async close(): Promise<void> {
    this.#channel.close();
    await Promise.all([...this.#yards.values(), this.#administrator].map((yard) => yard.close()));
  }

  /** A client of a network; without a name, of that of the case. */
  #yard(network: unknown): Switchyard {
    const name = String(network ?? this.network);
    const yard = this.#yards.get(name) ?? new Switchyard({ server: this.server, network: name });
    this.#yards.set(name, yard);
    return yard;
  }

  async #join(as: string, name: string, uuid: unknown, network: unknown): Promise<Fields> {
    const instance = this.#yard(network).join({ uuid: String(uuid ?? randomUUID()), type: TYPE_CLIENT, name });
    this.#instances.set(as, instance);
    const refused = instance.ended.then((error) => Promise.reject(error));
    const { cvid } = await Promise.race([instance.attached(), refused]);
    return { cvid };
  }

  /** Takes every peer, and says back what comes. */
  async #takePeers(as: string): Promise<Fields> {
    const { handlers } = this.#instances.get(as)!;
    handlers.accept = () => true;
    handlers.accepted = (stream) => {
      this.#taken.set(as, (this.#taken.get(as) ?? 0) + 1);
      stream.on('error', () => {});
      stream.pipe(stream);
    };
    return {};
  }

  /** Opens sessions to which nothing attaches, with as many labels as they may have. */
  async #openSessions(name: string, count: number, labelBytes: number): Promise<Fields> {
    const labels = Object.fromEntries(
      Array.from({ length: LABELS }, (_, at) => [`label${at}`, 'x'.repeat(labelBytes)]),
    );
    const open = (at: number) => {
      const request = { instanceUuid: randomUUID(), instanceType: TYPE_CLIENT, name: `${name}${at}`, labels };
      const call = { metadata: {}, signal: AbortSignal.timeout(CALL_MS), timeoutMs: CALL_MS };
      return this.#channel.unary(SessionServiceService.session, SessionRequest.fromPartial(request), call);
    };
    for (let opened = 0; opened < count; opened += AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - opened) }, (_, at) => open(opened + at)));
    return {};
  }

  async #ask(as: string, cvid: number, port: number): Promise<Fields> {
    const { token } = await this.#instances.get(as)!.attached();
    const request = { cvid, type: LinkType.TRANSPORT_TCP, port, candidates: [], publicKey: Buffer.alloc(0) };
    const rest = { roundTrip: undefined, relayVersion: 0, connectionId: '', requestId: '', fallback: 0 };
    const call = {
      metadata: { 'switchyard-session': token },
      signal: AbortSignal.timeout(CALL_MS),
      timeoutMs: CALL_MS,
    };
    const method = NetworkServiceService.directConnection;
    await this.#channel.unary(method, { ...request, ...rest }, call);
    return {};
  }
}
