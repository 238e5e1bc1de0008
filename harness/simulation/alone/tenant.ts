import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import type { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import { type CallAs, type Method, NetworksCaller, type NetworksCallerDeps } from '../networks/caller.js';
import { ADMIN_TOKEN } from '../networks/server.js';
import { Attempts, type Callable } from '../principals/attempts.js';
import { type Member, makeMembers } from '../principals/member.js';
import { TenantReader } from './readers.js';

/** The longest that nothing is asked for. */
const PAUSE_MS = 200;
/** A call that has no answer by then is given up. */
const PATIENCE_MS = 50;
/** Its nonces are drawn by the server for all networks: what they are made of is no network's. */
const DRAWN = Identities.challenge.path;

/** What a tenant stands on. */
export type TenantDeps = Pick<NetworksCallerDeps, 'server' | 'tamper' | 'unsound'> & {
  readonly process: Process;
  readonly random: SeededRandom;
  readonly network: string;
  /** Added to the moments in which it calls, so that no other network's calls come in the same. */
  readonly offsetMs: number;
};

/** The members of one network: what they do follows from a seed and from what they hear, and from nothing of another network. */
export class Tenant implements Callable {
  readonly #deps: TenantDeps;
  readonly #caller: NetworksCaller;
  readonly #members: readonly Member[];
  readonly #heard: string[] = [];

  constructor(deps: TenantDeps) {
    this.#deps = deps;
    const { server, process, tamper, unsound, network } = deps;
    const heard = (path: string, bytes: Uint8Array) => this.#hear(path, bytes);
    this.#caller = new NetworksCaller({ server, process, tamper, unsound, heard });
    this.#members = makeMembers().filter((member) => member.network === network);
  }

  /** Everything that its members were told, and when. */
  get heard(): readonly string[] {
    return this.#heard;
  }

  /** Goes on without end. */
  async play(): Promise<void> {
    const { process, random, offsetMs } = this.#deps;
    await process.wait(offsetMs);
    for (const member of this.#members) await this.#admit(member);
    const attempts = new Attempts(random.fork(1), this.#members, this);
    for (const member of this.#members) await attempts.arrive(member);
    const observer = this.#members.find(({ role }) => role === 'observer')!;
    const reader = new TenantReader(random.fork(2), this.#caller, observer);
    const when = random.fork(3);
    for (;;) {
      await process.wait(when.between(1, PAUSE_MS));
      reader.readOne();
      await attempts.tryOne(when.pick(this.#members));
    }
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
  ): Promise<Response | undefined> {
    const [answer, cancel] = await this.#begun(method, request, as, () => {});
    // One that is answered may be on its way yet: cancelled then, it would be taken back.
    if (answer === undefined) cancel();
    return answer;
  }

  async follow<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
    told: (response: Response) => void,
  ): Promise<(() => void) | undefined> {
    const [answer, cancel] = await this.#begun(method, request, as, told);
    if (answer === undefined) cancel();
    return answer && cancel;
  }

  async #begun<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    as: CallAs,
    told: (response: Response) => void,
  ): Promise<readonly [Response | undefined, () => void]> {
    let cancel = () => {};
    const answer = await new Promise<Response | undefined>((resolve) => {
      const hear = (response: Response) => {
        told(response);
        resolve(response);
      };
      cancel = this.#caller.call(method, request, as, { told: hear, ended: () => resolve(undefined) });
      this.#deps.process.clock.after(PATIENCE_MS, () => resolve(undefined));
    });
    return [answer, cancel];
  }

  async #admit({ uuid, key, kind, role, network, peer }: Member): Promise<void> {
    const as = { admin: ADMIN_TOKEN, peer, network };
    await this.call(Identities.bindKey, { identityUuid: uuid, publicKey: key.publicKey }, as);
    const described = { kind, roles: [role], name: '', labels: {}, updateMask: ['kind', 'roles'] };
    await this.call(Identities.updateIdentity, { identityUuid: uuid, ...described }, as);
  }

  #hear(path: string, bytes: Uint8Array): void {
    const what = path === DRAWN ? 'a nonce' : Buffer.from(bytes).toString('hex');
    this.#heard.push(`${this.#deps.process.clock.nowMs().toFixed(3)} ${path} ${what}`);
  }
}
