import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService } from '../../gen/switchyard/v1/identity.js';
import { type ConnectionOffer, InstanceType, type SigningKey, Switchyard } from '../../src/client/index.js';
import { ADMIN_TOKEN, agent, asAdmin, ask, type Running, run } from '../grpc/running.js';
import { keyOf } from '../trust/proving.js';

const uuidOf = (number: number) => agent(number).instanceUuid;

describe('who a peer has proved to be', () => {
  let at: Running;
  let yard: Switchyard;
  const offers: ConnectionOffer[] = [];
  let harbour: number;

  beforeAll(async () => {
    at = await run();
    yard = new Switchyard({ server: at.address, adminToken: ADMIN_TOKEN });
    const handlers = {
      accept: (offer: ConnectionOffer) => {
        offers.push(offer);
        return false;
      },
    };
    const open = yard.join({ uuid: uuidOf(1), type: InstanceType.AGENT, name: 'harbour', handlers });
    harbour = (await open.attached()).cvid;
  });
  afterAll(async () => {
    await yard.close();
    await at.stop();
  });

  /** Asks as an instance, and answers with what the peer was told of it. */
  async function offerBy(number: number, key?: SigningKey): Promise<ConnectionOffer> {
    const labels = { site: 'what it says of itself' };
    const instance = yard.join({ uuid: uuidOf(number), type: InstanceType.CLIENT, key, labels });
    await instance.attached();
    await expect(instance.connect(harbour)).rejects.toMatchObject({ reason: 'PEER_REFUSED' });
    await instance.leave();
    return offers.at(-1)!;
  }

  it('is told with the connection: identity, key, roles and labels as an administrator gave them', async () => {
    const key = keyOf(2);
    const keyId = key.keyId.toString('hex');
    expect((await offerBy(2, key)).peer).toEqual({
      network: 'default',
      identityUuid: uuidOf(2),
      keyId,
      roles: [],
      labels: {},
    });
    const described = { kind: 0, name: '', roles: ['operator'], labels: { site: 'north' } };
    const update = { identityUuid: uuidOf(2), ...described, updateMask: ['roles', 'labels'] };
    await ask(at, IdentityServiceService.updateIdentity, update, asAdmin());
    expect((await offerBy(2, key)).peer).toMatchObject({ roles: ['operator'], labels: { site: 'north' } });
  });

  it('is not told of one that has proved nothing', async () => {
    expect((await offerBy(3)).peer).toBeUndefined();
  });
});
