import { describe, expect, it } from '@jest/globals';
import { FirstChannel } from '../../../src/client/channel/first-channel.js';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';
import { FakeChannel } from '../worlds/fake-channel.js';

const METHOD = {
  path: '/switchyard.v1.IdentityService/ListNetworks',
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: () => ({}),
};
const CALL = { metadata: {}, signal: new AbortController().signal };

class RefusingServer extends FakeChannel {
  override readonly answers = {
    ListNetworks: () => {
      throw new SwitchyardError(StatusCode.PERMISSION_DENIED, 'no');
    },
  };

  constructor(private readonly isThere: boolean) {
    super();
  }

  async ready(): Promise<boolean> {
    return this.isThere;
  }
}

describe('a channel to the first of several servers', () => {
  it.each([
    [['away:1', 'here:1'], 'here:1'],
    [['here:1'], undefined],
  ])('says in an error which of them a call was made to, and nothing where there is one: %j', async (all, server) => {
    const channel = new FirstChannel(all, (address) => new RefusingServer(address.startsWith('here')));
    await expect(channel.unary(METHOD, {}, CALL)).rejects.toMatchObject({ server });
    channel.close();
  });
});
