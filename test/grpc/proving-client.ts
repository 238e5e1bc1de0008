import { Client, credentials, InterceptingCall, type Interceptor, type Metadata } from '@grpc/grpc-js';
import { IdentityServiceService as Identities, IdentityKind } from '../../gen/switchyard/v1/identity.js';
import { ServerServiceService as Servers } from '../../gen/switchyard/v1/server.js';
import { type SessionRequest, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import type { Role } from '../../src/core/model/trust/identity.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import type { SigningKey } from '../../src/trust/signing-key.js';
import { keyOf, proofOf } from '../trust/proving.js';
import { ADMIN_TOKEN, asHeaders, ask } from './running.js';

/** Whether this run of the tests has its servers require proofs: the gate's rows "required mode". */
export const IS_REQUIRED = process.env.GATE_REQUIRED_MODE === '1';

const CREDENTIALS = ['switchyard-session', 'switchyard-admin', 'switchyard-access', 'authorization'];
/** For everybody: with a credential too many they would be other calls than those that a test makes. */
const FREE: ReadonlySet<string> = new Set([...Object.values(Identities), Servers.getServer].map(({ path }) => path));
/** As whom calls without any credential are made: it may read, as everybody may where no proofs are required. */
const READER = { number: 1_000_000, uuid: '00000000-0000-4000-9000-000000000000', roles: ['client'] as const };
/** What everybody here may do: be reached, and reach others. */
const ROLES: readonly Role[] = ['agent', 'client'];

/**
 * Makes calls of tests that know of no proofs ones that a server takes which requires them: an administrator approves each instance
 * that opens a session, and it proves its key; calls without a credential are made by somebody who has logged in.
 */
export class ProvingClient {
  readonly #plain: Client;
  readonly #known = new Map<string, Promise<void>>();
  #access: Promise<string> | undefined;

  constructor(
    address: string,
    private readonly adminToken = ADMIN_TOKEN,
  ) {
    this.#plain = new Client(address, credentials.createInsecure());
  }

  /** The key of an instance, which an administrator has approved and given that name. */
  async keyFor(uuid: string, name: string): Promise<SigningKey> {
    await this.#approved(uuid, numberOf(uuid), ROLES, name);
    return keyOf(numberOf(uuid));
  }

  readonly interceptor: Interceptor = (options, nextCall) => {
    const { path } = options.method_definition;
    return new InterceptingCall(nextCall(options), {
      // Each goes on at once where nothing has to be made for it: later messages would overtake it.
      start: (metadata, listener, next) => {
        if (path === Sessions.session.path || FREE.has(path) || hasCredential(metadata)) next(metadata, listener);
        else {
          void (this.#access ??= this.logIn()).then((token) => {
            metadata.set('switchyard-access', token);
            next(metadata, listener);
          });
        }
      },
      sendMessage: (message, next) => {
        if (path === Sessions.session.path) void this.#proven(message as SessionRequest).then(next);
        else next(message);
      },
    });
  };

  close(): void {
    this.#plain.close();
  }

  /** The request with a proof. One that is refused anyway, or brings its own, stays as it is. */
  async #proven(request: SessionRequest): Promise<SessionRequest> {
    const { instanceUuid: uuid, proof } = request;
    if (proof !== undefined) return request;
    try {
      await this.#approved(uuid, numberOf(uuid), ROLES);
      return { ...request, proof: await this.#prove(uuid, numberOf(uuid), ProofPurpose.SESSION) };
    } catch {
      return request;
    }
  }

  /** An access token of somebody who may read what everybody may where no proofs are required. */
  async logIn(): Promise<string> {
    await this.#approved(READER.uuid, READER.number, READER.roles);
    const proof = await this.#prove(READER.uuid, READER.number, ProofPurpose.LOGIN);
    const { accessToken } = await ask({ client: this.#plain }, Identities.login, { proof });
    return accessToken;
  }

  #approved(uuid: string, number: number, roles: readonly Role[], name = ''): Promise<void> {
    const known = this.#known.get(uuid) ?? this.#approve(uuid, number, roles, name);
    this.#known.set(uuid, known);
    // A server that was away may be there the next time.
    known.catch(() => this.#known.delete(uuid));
    return known;
  }

  async #approve(identityUuid: string, number: number, roles: readonly Role[], name: string): Promise<void> {
    const at = { client: this.#plain };
    const admin = asHeaders({ 'switchyard-admin': this.adminToken });
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(number).publicKey }, admin);
    const described = { kind: IdentityKind.INSTANCE, roles: [...roles], name, labels: {} };
    await ask(at, Identities.updateIdentity, { identityUuid, ...described, updateMask: ['roles', 'name'] }, admin);
  }

  async #prove(uuid: string, number: number, purpose: ProofPurpose) {
    const challenge = await ask({ client: this.#plain }, Identities.challenge, { network: '' });
    return proofOf(keyOf(number), uuid, challenge, { purpose });
  }
}

function hasCredential(metadata: Metadata): boolean {
  return CREDENTIALS.some((name) => metadata.get(name).length > 0);
}

/** The number of an instance's key: another one for each UUID of a test. */
function numberOf(uuid: string): number {
  return Number.parseInt(uuid.slice(-8), 16);
}
