import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../src/core/model/fault.js';
import type { StateView } from '../../src/core/store/state-view.js';
import { answerCurrently, type Currency } from '../../src/replica/currency.js';

/** A server that is one revision behind until it is asked to be current. */
function makeServer() {
  const state = { revision: 1, epoch: 'e' };
  const currency: Currency = {
    isInTouch: true,
    current: async () => {
      state.revision = 2;
      return undefined;
    },
    reached: async () => undefined,
  };
  let attempts = 0;
  const attempt = () => {
    attempts++;
    return state.revision === 2 ? 'there' : new Fault('SESSION_NOT_FOUND', 'not there');
  };
  return { deps: { currency, state: state as unknown as StateView }, attempt, attempts: () => attempts };
}

describe('an answer of one of several servers', () => {
  it('says that something is not there only after everything was applied that was acknowledged', async () => {
    const { deps, attempt, attempts } = makeServer();
    expect(await answerCurrently(deps, { isOfSession: false, isOnce: false }, attempt)).toBe('there');
    expect(attempts()).toBe(2);
  });

  it('says that a role has as many as it may only after everything was applied that was acknowledged', async () => {
    const { deps } = makeServer();
    const attempt = () =>
      deps.state.revision === 2 ? 'made' : new Fault('NETWORK_LIMIT', '1 connection is the limit');
    expect(await answerCurrently(deps, { isOfSession: false, isOnce: false }, attempt)).toBe('made');
  });

  it('asks no other server when the quota of the month is used up, which is counted here', async () => {
    const { deps } = makeServer();
    const over = new Fault('NETWORK_LIMIT', 'used up', [], undefined, { month_ends: '2027-01-01T00:00:00Z' });
    expect(await answerCurrently(deps, { isOfSession: false, isOnce: false }, () => over)).toBe(over);
    expect(deps.state.revision).toBe(1);
  });

  it('is tried only once for a request that cannot be repeated, after everything was applied', async () => {
    const { deps, attempt, attempts } = makeServer();
    expect(await answerCurrently(deps, { isOfSession: false, isOnce: true }, attempt)).toBe('there');
    expect(attempts()).toBe(1);
  });

  it('is no attempt of a request that cannot be repeated where it cannot be made sure of', async () => {
    const { deps, attempt, attempts } = makeServer();
    const currency = { ...deps.currency, current: async () => new Fault('BEHIND', 'behind') };
    const wanted = { isOfSession: false, isOnce: true };
    expect(await answerCurrently({ ...deps, currency }, wanted, attempt)).toMatchObject({ reason: 'BEHIND' });
    expect(attempts()).toBe(0);
  });

  it.each([
    ['until its revision is reached', { after: 2, isOnce: false }, 0],
    ['until it is current', { after: 0, isOnce: true }, 0],
    ['until it is current, before it is tried again', { after: 0, isOnce: false }, 1],
  ])('is no renewal of a session by a server that has lost touch while it waited %s', async (_, wanted, tried) => {
    const { deps, attempt, attempts } = makeServer();
    let isInTouch = true;
    const wait = async () => {
      isInTouch = false;
      return deps.currency.current();
    };
    const currency: Currency = {
      get isInTouch() {
        return isInTouch;
      },
      current: wait,
      reached: wanted.after === 0 ? async () => undefined : wait,
    };
    const answer = await answerCurrently({ ...deps, currency }, { ...wanted, isOfSession: true }, attempt);
    expect(answer).toMatchObject({ reason: 'SERVER_CUT_OFF' });
    expect(attempts()).toBe(tried);
  });
});
