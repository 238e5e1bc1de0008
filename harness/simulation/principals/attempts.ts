import { IdentityServiceService as Identities, type Proof } from '../../../gen/switchyard/v1/identity.js';
import { NetworkServiceService as Graph } from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { foundingDocument } from '../../../src/core/model/trust/policy.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import type { SeededRandom } from '../machine/random.js';
import type { CallAs, Method } from '../networks/caller.js';
import { type Member, NETWORKS, proofOf } from './member.js';

/** Streams, orders and connections of a member that are remembered: the newest. */
const REMEMBERED_MAX = 8;
/** Proofs of a member that are remembered, so that others try them again. */
const PROOFS_MAX = 4;
/** Attachments that are open at once, of all members. */
const ATTACHED_MAX = 12;
const PARAMS = {
  ...{ name: '', timeout: undefined, maxBlockBytes: 0, compression: 0, deliveryConfirmation: false, labels: {} },
};

/** Makes calls, one after the other. */
export interface Callable {
  /** Resolves with the answer; with nothing for a refusal, and for a call that had no answer in time and was given up. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
  ): Promise<Response | undefined>;
  /** Begins a call that goes on until it is ended. Resolves with how to end it, as soon as it stands; with nothing for a refusal. */
  follow<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
    told: (response: Response) => void,
  ): Promise<(() => void) | undefined>;
}

/** What is tried by one member, mostly about another. */
interface Attempt {
  readonly actor: Member;
  readonly target: Member;
  readonly as: CallAs;
}

/** Members who do what they may, and try on others what they may not, with what they have or found. */
export class Attempts {
  readonly #random: SeededRandom;
  readonly #members: readonly Member[];
  readonly #calls: Callable;
  readonly #attached: (() => void)[] = [];
  #strangers = 0;

  constructor(random: SeededRandom, members: readonly Member[], calls: Callable) {
    this.#random = random;
    this.#members = members;
    this.#calls = calls;
  }

  /** One member tries one thing. */
  async tryOne(actor: Member): Promise<void> {
    const random = this.#random;
    const others = random.chance(1 / 4) ? this.#members : this.#members.filter((one) => one.network === actor.network);
    const target = random.chance(1 / 3) ? actor : random.pick(others);
    await random.pick(this.#kinds)({ actor, target, as: this.#credential(actor, target) });
  }

  /** A member opens its session and attaches to it, or logs in where its role lets it have none. */
  async arrive(actor: Member): Promise<void> {
    const { role, uuid, peer } = actor;
    if (role === 'observer' || role === 'admin') return this.#login(actor, actor, { peer });
    await this.#open(actor, actor, uuid);
    await this.#attach({ actor, target: actor, as: { token: actor.token, peer } });
  }

  /** What is tried. What is tried oftener stands here oftener. */
  readonly #kinds: readonly ((attempt: Attempt) => Promise<unknown>)[] = [
    ({ actor }) => this.arrive(actor),
    ({ actor }) => this.arrive(actor),
    ({ actor }) => this.#answer({ actor, target: actor, as: { token: actor.token, peer: actor.peer } }),
    ({ actor }) => this.#answer({ actor, target: actor, as: { token: actor.token, peer: actor.peer } }),
    ({ actor, target }) => this.#open(actor, target, target.uuid),
    ({ actor, target }) => this.#open(actor, target, this.#random.pick([target.uuid, this.#stranger()])),
    ({ actor, target, as }) => this.#login(actor, target, as),
    (attempt) => this.#show(attempt),
    ({ target, as }) => this.#calls.call(Sessions.keepAlive, { proof: undefined }, { ...as, network: target.network }),
    (attempt) => this.#attach(attempt),
    (attempt) => this.#attach(attempt),
    (attempt) => this.#answer(attempt),
    ({ target, as }) => this.#calls.call(Sessions.terminateSession, { cvid: target.sid, reason: '' }, as),
    (attempt) => this.#connect(attempt),
    (attempt) => this.#reachAgent(attempt, (granted) => this.#connect(granted)),
    (attempt) => this.#reachAgent(attempt, (granted) => this.#createStream(granted)),
    (attempt) => this.#report(attempt),
    (attempt) => this.#createStream(attempt),
    (attempt) => this.#createStream(attempt),
    (attempt) => this.#changeStream(attempt),
    (attempt) => this.#changeStream(attempt),
    ({ target, as }) => this.#calls.call(Streams.terminateStream, { id: this.#streamOf(target) }, as),
    ({ target, as }) => this.#calls.call(Streams.stopStream, { id: this.#streamOf(target), validateOnly: false }, as),
    (attempt) => this.#rotate(attempt),
    (attempt) => this.#enroll(attempt),
    (attempt) => this.#administer(attempt),
  ];

  /** With what a call is made: mostly the actor's own, on its own connection; or what it found. */
  #credential(actor: Member, target: Member): CallAs {
    const { peer, network } = actor;
    const own = actor.token === undefined ? { access: actor.access, network } : { token: actor.token };
    const ways: readonly CallAs[] = [
      ...[own, own, own, own],
      { access: actor.access, network },
      { token: target.token },
      { token: target.token, access: actor.access },
      { ...own, network: target.network },
      { network: target.network },
    ];
    return { ...this.#random.pick(ways), peer };
  }

  /** Opens a session of an instance, by a proof for the target that the actor makes. */
  async #open(actor: Member, target: Member, instanceUuid: string): Promise<void> {
    const proof = await this.#prove(actor, target, ProofPurpose.SESSION, instanceUuid);
    const request = {
      ...{ instanceUuid, instanceType: 2, instanceFlavor: 0, ttl: undefined, name: '', labels: {}, proof },
    };
    const opened = await this.#calls.call(Sessions.session, request, { network: target.network, peer: actor.peer });
    // Whose keys it was opened by; that of another would have been judged by now.
    if (opened === undefined || target !== actor) return;
    this.#spend(actor, proof);
    actor.sid = opened.instanceSid;
    actor.token = opened.sessionToken;
    remember(actor.streams, opened.streamId, REMEMBERED_MAX);
  }

  async #login(actor: Member, target: Member, as: CallAs): Promise<void> {
    const proof = await this.#prove(actor, target, ProofPurpose.LOGIN, target.uuid);
    const { peer } = as;
    const got = await this.#calls.call(Identities.login, { proof }, { network: target.network, peer });
    if (got === undefined || target !== actor) return;
    this.#spend(actor, proof);
    actor.access = got.accessToken;
  }

  /** Shows the target's session on the actor's connection. */
  async #show({ actor, target }: Attempt): Promise<void> {
    const proof = await this.#prove(actor, target, ProofPurpose.ATTACH, target.uuid);
    const as = { token: target.token, peer: actor.peer };
    const kept = await this.#calls.call(Sessions.keepAlive, { proof }, as);
    if (kept !== undefined && target === actor) this.#spend(actor, proof);
  }

  async #attach({ actor, target, as }: Attempt): Promise<void> {
    const proof =
      as.token === actor.token ? undefined : await this.#prove(actor, target, ProofPurpose.ATTACH, target.uuid);
    const end = await this.#calls.follow(Sessions.attach, { proof }, as, ({ order }) => {
      if (order !== undefined && order.orderId !== '') remember(actor.orders, order.orderId, REMEMBERED_MAX);
    });
    if (end !== undefined) this.#attached.push(end);
    if (this.#attached.length > ATTACHED_MAX) this.#attached.shift()!();
  }

  #answer({ target, as }: Attempt): Promise<unknown> {
    const orderId = this.#random.pick([...target.orders, 'o1']);
    return this.#calls.call(Sessions.answer, { orderId, code: 0, description: '', data: Buffer.alloc(0) }, as);
  }

  /** With one of those that the policy lets clients reach, by the actor's own session. */
  #reachAgent({ actor }: Attempt, reach: (attempt: Attempt) => Promise<unknown>): Promise<unknown> {
    const { network, peer, token } = actor;
    const agents = this.#members.filter((one) => one.network === network && one.role === 'agent');
    return reach({ actor, target: this.#random.pick(agents), as: { token, peer } });
  }

  async #connect({ target, as }: Attempt): Promise<void> {
    const request = {
      ...{ cvid: target.sid, type: 1, port: 5_000, candidates: [], publicKey: Buffer.alloc(0), roundTrip: undefined },
      ...{ connectionId: this.#random.pick(['', '', ...target.connections]) },
      ...{ relayVersion: 0, requestId: '', fallback: 0 },
    };
    const got = await this.#calls.call(Graph.directConnection, request, as);
    if (got?.request !== undefined) remember(target.connections, got.request.connectionId, REMEMBERED_MAX);
  }

  #report({ target, as }: Attempt): Promise<unknown> {
    const connectionId = this.#random.pick(['', ...target.connections]);
    const state = this.#random.pick([1, 2]);
    const request = {
      ...{ peerCvid: target.sid, link: 1, state, connectionId, path: 0, roundTrip: undefined, failed: false },
    };
    return this.#calls.call(Graph.reportLink, request, as);
  }

  async #createStream({ actor, target, as }: Attempt): Promise<void> {
    const request = { params: PARAMS, sinkCvids: [target.sid], requestId: '' };
    const got = await this.#calls.call(Streams.createStream, request, as);
    if (got?.stream !== undefined) remember(actor.streams, got.stream.id, REMEMBERED_MAX);
  }

  #changeStream({ actor, target, as }: Attempt): Promise<unknown> {
    const params = { ...PARAMS, name: `by-${actor.uuid.slice(-2)}` };
    const request = { id: this.#streamOf(target), params, updateMask: ['name'] };
    return this.#calls.call(Streams.updateStreamParams, request, as);
  }

  /** To the actor's key. It keeps both, and goes on with the first: that is good for a day. */
  async #rotate({ actor, target, as }: Attempt): Promise<void> {
    const oldProof = await this.#prove(actor, target, ProofPurpose.ROTATE, target.uuid);
    const newProof = await this.#prove(actor, target, ProofPurpose.ROTATE, target.uuid);
    await this.#calls.call(Identities.rotateKey, { oldProof, newProof }, { network: target.network, peer: as.peer });
  }

  /** With a secret that is no ticket's: a guess lets no one in. */
  async #enroll({ actor, target }: Attempt): Promise<void> {
    const proof = await this.#prove(actor, target, ProofPurpose.ENROLL, target.uuid);
    const secret = Buffer.from(this.#random.bytes(16));
    await this.#calls.call(
      Identities.enroll,
      { secret, proof, name: '' },
      { network: target.network, peer: actor.peer },
    );
  }

  /** What only administrators may do, in a way that changes little where it is let through. */
  #administer({ actor, target, as }: Attempt): Promise<unknown> {
    const { uuid: identityUuid } = target;
    const ticket = { kind: 1, roles: ['agent'], uses: 1, validFor: undefined, names: '', identityUuid: '' };
    const described = { kind: 0, roles: [target.role], name: '', labels: {}, updateMask: ['roles'] };
    const policy = { document: foundingDocument('required'), validateOnly: false, ifRevision: undefined };
    const ways: readonly (() => Promise<unknown>)[] = [
      () => this.#calls.call(Identities.bindKey, { identityUuid, publicKey: actor.key.publicKey }, as),
      () => this.#calls.call(Identities.updateIdentity, { identityUuid, ...described }, as),
      () => this.#calls.call(Identities.issueTicket, { ...ticket, addresses: ['hub:1'] }, as),
      () => this.#calls.call(Identities.putPolicy, policy, as),
    ];
    // An administrator's key in another's place would only end what others do.
    return this.#random.pick(actor.role === 'admin' ? ways.slice(1) : ways)();
  }

  /** A proof for a target: the actor's own where it is itself; else in one of the ways to be somebody whose key one lacks. */
  async #prove(actor: Member, target: Member, purpose: ProofPurpose, instanceUuid: string): Promise<Proof | undefined> {
    const { peer } = actor;
    const { network } = target;
    const challenge = await this.#calls.call(Identities.challenge, { network }, { network, peer });
    if (challenge === undefined) return undefined;
    const own = { identityUuid: actor.uuid, named: actor.key, signer: actor.key };
    const content = { purpose, instanceUuid, network };
    if (actor === target) return proofOf(challenge, { ...content, ...own });
    const other = this.#random.pick([ProofPurpose.SESSION, ProofPurpose.ATTACH, ProofPurpose.LOGIN]);
    return this.#random.pick<() => Proof | undefined>([
      () => undefined,
      () => proofOf(challenge, { ...content, ...own }),
      () => proofOf(challenge, { ...content, ...own, identityUuid: target.uuid }),
      () => proofOf(challenge, { ...content, ...own, named: target.key, identityUuid: target.uuid }),
      () => proofOf(challenge, { ...content, ...own, network: this.#random.pick(NETWORKS) }),
      () => target.proofs.at(-1),
      () => target.proofs.at(-1) && { ...target.proofs.at(-1)!, purpose: other },
      () => actor.proofs.at(-1) && { ...actor.proofs.at(-1)!, identityUuid: target.uuid },
    ])();
  }

  /** A proof was taken, and is good for nothing more: others may have it. One that was refused early could still be used. */
  #spend(actor: Member, proof: Proof | undefined): void {
    if (proof !== undefined) remember(actor.proofs, proof, PROOFS_MAX);
  }

  #streamOf(target: Member): number {
    return this.#random.pick([...target.streams, target.sid]);
  }

  /** A UUID that is no identity's. */
  #stranger(): string {
    return `00000000-0000-4000-9000-${String(++this.#strangers).padStart(12, '0')}`;
  }
}

function remember<Item>(items: Item[], item: Item, max: number): void {
  items.push(item);
  if (items.length > max) items.shift();
}
