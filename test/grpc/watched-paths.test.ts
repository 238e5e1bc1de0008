import { describe, expect, it } from '@jest/globals';
import type { Calls } from '../../src/grpc/call-handlers.js';
import { NETWORK_SERVICES, WATCHED_PATHS } from '../../src/grpc/door.js';

/** The way in which a method's calls are handled, which stands in the place of its handler. */
function namesOnly(): Calls {
  const target = { backing: new Proxy({}, { get: () => undefined }) };
  return new Proxy(target, {
    get: (parts, name) => (name === 'backing' ? parts.backing : () => name),
  }) as unknown as Calls;
}

describe('the paths whose calls are watched to their end', () => {
  it('are those of every method that makes something, which is taken back when nobody hears of it', () => {
    const making = NETWORK_SERVICES.flatMap(({ definition, make }) =>
      Object.entries(make(namesOnly()))
        .filter(([, handler]) => handler === 'making' || handler === 'makingForAnyone')
        .map(([name]) => definition[name]?.path),
    );
    expect(making.length).toBeGreaterThan(3);
    const exchange = '/switchyard.v1.TransportService/Exchange';
    expect([...WATCHED_PATHS].sort()).toEqual([...making, exchange].sort());
  });
});
