import { createServer, type LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isRefused } from '../../../src/server/storage/is-refused.js';

/** No machine can have it: a connection to it fails, and is not refused. */
const NOWHERE = '255.255.255.255';

describe('whether nothing listens at an address', () => {
  const server = createServer();
  let port = 0;

  beforeEach(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  });
  const close = () => new Promise((resolve) => server.close(resolve));
  afterEach(close);

  /** A name with these addresses. */
  const named =
    (...addresses: string[]): LookupFunction =>
    (_name, _options, found) =>
      found(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );

  it('is false while a process listens there', async () => {
    expect(await isRefused(`127.0.0.1:${port}`)).toBe(false);
  });

  it('is true once none does', async () => {
    await close();
    expect(await isRefused(`127.0.0.1:${port}`)).toBe(true);
  });

  it('is true of a name where every address refuses', async () => {
    await close();
    expect(await isRefused(`two.test:${port}`, named('127.0.0.1', '127.0.0.2'))).toBe(true);
  });

  it('is false of a name where the first address refuses, and another one says something else', async () => {
    await close();
    expect(await isRefused(`two.test:${port}`, named('127.0.0.1', NOWHERE))).toBe(false);
  });

  it('is false of a name that cannot be found', async () => {
    const find: LookupFunction = (_name, _options, found) => found(new Error('there is no such name'), []);
    expect(await isRefused(`none.test:${port}`, find)).toBe(false);
  });
});
