import { type Instance, type InstanceOptions, Switchyard, type SwitchyardOptions } from '../../../src/client/index.js';
import { IS_REQUIRED, ProvingClient } from '../../grpc/proving-client.js';
import { ADMIN_TOKEN } from '../../grpc/running.js';

/** An access token that no server has given: the first call with it is refused, and the client logs in. */
const UNKNOWN = `swa1_${'x'.repeat(32)}`;

/** A client of a server of tests. Where this run has servers require proofs its instances prove who they are, and it reads as somebody who has logged in. */
export function makeYard(server: string, options: SwitchyardOptions = {}, adminToken = ADMIN_TOKEN): Switchyard {
  return IS_REQUIRED ? new ProvingYard(server, options, adminToken) : new Switchyard({ server, ...options });
}

/** What a server makes of the labels that an instance says of itself: where proofs are required, they are apart from what others say of it. */
export function ownLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = IS_REQUIRED ? 'self/' : '';
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${prefix}${key}`, value]));
}

class ProvingYard extends Switchyard {
  readonly #proving: ProvingClient;

  constructor(server: string, options: SwitchyardOptions, adminToken: string) {
    const proving = new ProvingClient(server, adminToken);
    const access = { accessToken: UNKNOWN, renewAccessToken: () => proving.logIn() };
    super({ server, ...(options.adminToken === undefined && access), ...options });
    this.#proving = proving;
  }

  override join(options: InstanceOptions): Instance {
    return super.join({ key: () => this.#proving.keyFor(options.uuid, options.name ?? ''), ...options });
  }

  override async close(): Promise<void> {
    await super.close();
    this.#proving.close();
  }
}
