import type { Clock, Random } from '../base/clock.js';
import { Checked, wholeMs } from '../core/decide/check.js';
import { mismatch } from '../core/decide/policy/opener.js';
import { Fault } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import type { Labels, Session } from '../core/model/session.js';
import { IdentityKind, mayHaveSeveral, type ProvenKey } from '../core/model/trust/identity.js';
import type { Origin } from '../shares/origin.js';
import type { Shares } from '../shares/shares.js';
import type { ProofMessage } from '../trust/server/proofs.js';
import { ProofPurpose } from '../trust/signed-bytes.js';
import type { AccessHolder } from './access/access-tokens.js';
import type { Gatekeeper } from './access/gatekeeper.js';
import type { KeyProver } from './access/key-prover.js';
import { drawSecret, tokenText } from './access/token.js';
import type { ReplicaLimits } from './limits.js';
import type { Replica } from './replica.js';

/** A request for a session, as a door read it. Faults name its fields as the protos do. */
export interface OpeningRequest {
  readonly uuid: string;
  readonly type: number;
  readonly flavor: number;
  /** 0: the default. NaN: the request's duration was invalid. */
  readonly ttlMs: number;
  readonly name: string;
  readonly labels: Labels;
  /** Proves that the caller holds a key of the instance. */
  readonly proof?: ProofMessage | undefined;
  /** Whom an authority or an issuer vouches for. */
  readonly vouched?: Pick<AccessHolder, 'uuid' | 'keyId'> | undefined;
}

/** A session that was opened, with the only copy of its token. */
export interface Opened {
  readonly session: Session;
  readonly token: string;
  readonly position: Position;
}

/** Before the keys of labels that an instance has given itself, in the mode `required`. */
const SELF_PREFIX = 'self/';

/** Opens sessions, in the same steps for every door. */
export class Opening {
  constructor(
    private readonly replica: Replica,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly limits: Pick<ReplicaLimits, 'ttlDefaultMs' | 'ttlMinMs' | 'ttlMaxMs'>,
    private readonly shares: Shares,
    /** Verifies the proofs that come with requests. */
    readonly prover: KeyProver,
    /** Says who may open sessions. */
    private readonly gatekeeper: Gatekeeper,
    /** Called with each session that was opened, and from where. */
    private readonly opened: (session: Session, origin: Origin) => void = () => {},
    /** Says why an instance may open none, as all networks together have as many sessions as they may. */
    private readonly refuseInAll: (uuid: string) => Fault | undefined = () => undefined,
  ) {}

  /** Opens a session for a caller, or returns a fault that names every wrong field of the request. */
  async open(request: OpeningRequest, origin: Origin): Promise<Opened | Fault> {
    const { state } = this.replica;
    const checked = new Checked(state.limits);
    const uuid = checked.uuid('instance_uuid', request.uuid);
    checked.instanceType('instance_type', request.type);
    checked.instanceFlavor('instance_flavor', request.flavor);
    checked.duration('ttl', request.ttlMs);
    checked.name('name', request.name);
    checked.labels('labels', request.labels);
    const wrong = Fault.fields(checked.violations);
    if (wrong !== undefined) return wrong;
    const { type, flavor } = request;
    const proven = await this.proven(uuid, request, origin);
    if (proven instanceof Fault) return proven;
    const identity = proven?.identity ?? uuid;
    const refused = this.gatekeeper.refuseOpening(identity, proven !== undefined, origin) ?? this.refuseInAll(uuid);
    if (refused !== undefined) return refused;
    const said = this.gatekeeper.mode === 'required' ? this.vouchedFor(identity, request) : request;
    if (said instanceof Fault) return said;
    const { name, labels } = said;
    const home = this.replica.homes.opening();
    if (home instanceof Fault) return home;
    const secret = drawSecret(this.random);
    const ttlMs = this.granted(request.ttlMs);
    const newcomer = { uuid, tokenHash: secret.hash };
    const atMs = this.clock.wallMs();
    const applied = await this.shares.open(origin, newcomer, () =>
      this.replica.submit({
        kind: 'OpenSession',
        type,
        flavor,
        ttlMs,
        name,
        labels,
        ...newcomer,
        atMs,
        ...(proven && { proven }),
        ...home,
      }),
    );
    if (applied instanceof Fault) return applied;
    for (const change of applied.changes) {
      if (change.kind !== 'SessionOpened') continue;
      const { session } = change;
      this.opened(session, origin);
      const position = { epoch: state.epoch, revision: applied.revision };
      return { session, token: tokenText(session.sid, secret, this.gatekeeper.network.number), position };
    }
    throw new Error('an opened session is among the changes of its revision');
  }

  /** What the opener has proved, or others vouch for. */
  private proven(uuid: string, request: OpeningRequest, origin: Origin) {
    const { proof, vouched } = request;
    if (vouched === undefined) return proof && this.prove(proof, uuid, origin);
    // A key that clients show in any case is not asked for. The core says which other instances it may have.
    const { kind = IdentityKind.INSTANCE } = this.replica.state.identities.get(vouched.uuid) ?? {};
    const isTaken = vouched.uuid === uuid || mayHaveSeveral(kind);
    return isTaken ? { identity: vouched.uuid, keyId: vouched.keyId } : mismatch(vouched.uuid, uuid);
  }

  private prove(proof: ProofMessage, uuid: string, origin: Origin): Promise<ProvenKey | Fault> {
    const purpose = ProofPurpose.SESSION;
    return this.prover.prove(proof, {
      field: 'proof',
      purpose,
      uuid,
      mayBeHolder: true,
      origin,
      keys: 'known or first',
    });
  }

  /**
   * The name and the labels of a session where callers have to prove who they are: the name is the identity's, and what the instance
   * says of itself is kept apart from what others say of it.
   */
  private vouchedFor(uuid: string, { name, labels }: OpeningRequest): Pick<OpeningRequest, 'name' | 'labels'> | Fault {
    const { limits, identities } = this.replica.state;
    const checked = new Checked(limits);
    const { name: own = '' } = identities.get(uuid) ?? {};
    if (name !== '' && name !== own) {
      const has = own === '' ? 'has no name' : `is ${JSON.stringify(own)}`;
      checked.wrong('name', `identity ${uuid} ${has}; an administrator names it, and here it is that or empty`);
    }
    const kept = Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${SELF_PREFIX}${key}`, value]));
    checked.labels('labels', kept);
    return Fault.fields(checked.violations) ?? { name: own, labels: kept };
  }

  private granted(askedMs: number): number {
    const { ttlDefaultMs, ttlMinMs, ttlMaxMs } = this.limits;
    if (askedMs === 0) return ttlDefaultMs;
    return Math.min(Math.max(wholeMs(askedMs), ttlMinMs), ttlMaxMs);
  }
}
