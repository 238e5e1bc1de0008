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

  /** How long it was given for a connection. */
  readonly givenMs: number[] = [];

  constructor(private readonly isThere: boolean) {
    super();
  }

  async ready(_signal: AbortSignal, timeoutMs: number): Promise<boolean> {
    this.givenMs.push(timeoutMs);
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

  it.each([
    [600, ['away:1', 'here:1'], [300]],
    [600, ['away:1', 'away:2', 'away:3', 'here:1'], [200, 200, 200]],
    [60_000, ['away:1', 'here:1'], [5_000]],
  ])('shares %d ms of a call among them, and gives none more than 5 s: %j', async (timeoutMs, all, given) => {
    const known = new Map(all.map((address) => [address, new RefusingServer(address.startsWith('here'))]));
    const channel = new FirstChannel(all, (address) => known.get(address)!);
    await expect(channel.unary(METHOD, {}, { ...CALL, timeoutMs })).rejects.toMatchObject({ server: 'here:1' });
    channel.close();
    expect([...known.values()].slice(0, -1).flatMap(({ givenMs }) => givenMs)).toEqual(given);
  });
});
