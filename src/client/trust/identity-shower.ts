import type { Proof } from '../../../gen/switchyard/v1/identity.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { ProofPurpose } from '../../trust/signed-bytes.js';
import { call } from '../channel/call.js';
import type { Caller, ShowReason } from '../channel/caller.js';
import type { InstanceOptions } from '../instance/instance-options.js';
import { proveKeys } from './proof.js';

/** What showing an identity takes. */
export interface IdentityShowerDeps {
  readonly options: Pick<InstanceOptions, 'key' | 'uuid' | 'identity' | 'bindProofs'>;
  /** The server itself, without the session's credentials: for challenges. */
  readonly anybody: Caller;
  /** The server with the session's credentials. */
  readonly caller: () => Caller;
  /** Resolves once there is a session. */
  readonly session: (signal: AbortSignal) => Promise<unknown>;
}

/** Proves whose an instance's session is: as it opens, and on each new connection where the server asks for it. */
export class IdentityShower {
  readonly #deps: IdentityShowerDeps;
  #isAsked = false;
  #showing: Promise<boolean> | undefined;

  constructor(deps: IdentityShowerDeps) {
    this.#deps = deps;
  }

  /** Whether the server wants to know who reads, too. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** A proof for one call; undefined without a key, and for a server that knows none. */
  async prove(purpose: ProofPurpose, signal: AbortSignal): Promise<Proof | undefined> {
    const { key, uuid, identity = uuid, bindProofs = true } = this.#deps.options;
    if (key === undefined) return undefined;
    const wanted = { purpose, uuid: identity, instance: uuid, isBound: bindProofs };
    const keys = [typeof key === 'function' ? await key() : key];
    return (await proveKeys(this.#deps.anybody, wanted, keys, signal))?.[0];
  }

  /** Shows the session's identity on the connection of the moment, by another token or a proof; once for all calls that need it. */
  async show(reason: ShowReason): Promise<boolean> {
    const { options, anybody } = this.#deps;
    if (await anybody.show?.(anybody.life, reason, {})) return true;
    if (reason !== 'AUTH_REQUIRED') return false;
    this.#isAsked = options.key !== undefined;
    if (!this.#isAsked) return false;
    this.#showing ??= this.#showOnce(anybody.life).finally(() => {
      this.#showing = undefined;
    });
    return this.#showing;
  }

  async #showOnce(signal: AbortSignal): Promise<boolean> {
    const { session, caller } = this.#deps;
    await session(signal);
    const proof = await this.prove(ProofPurpose.ATTACH, signal);
    if (proof === undefined) return false;
    await call({ ...caller(), show: undefined }, SessionServiceService.keepAlive, { proof }, { signal });
    return true;
  }
}
