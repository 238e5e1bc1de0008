import { describe, expect, it } from '@jest/globals';
import { parseOrigins, WebGuard } from '../../src/admission/web-guard.js';

/** The guard of a port that listens on these addresses, as it was told by a host. */
function guardOf(origins: ReturnType<typeof parseOrigins>, host: string, bound: readonly string[] = [host]): WebGuard {
  return new WebGuard(origins, host, () => bound.map((address) => ({ host: address, port: 8_768 })));
}

describe('a guard against web pages', () => {
  const allowed = parseOrigins('https://Console.example:8443,http://127.0.0.1:3000,https://plain.example:443')!;

  it.each([
    [undefined, undefined],
    ['https://console.example:8443', undefined],
    ['HTTPS://CONSOLE.example:8443', undefined],
    ['http://127.0.0.1:3000', undefined],
    ['https://plain.example', undefined],
    ['https://console.example', 'origin'],
    ['http://console.example:8443', 'origin'],
    ['https://console.example:8443.evil.example', 'origin'],
    ['http://127.0.0.1', 'origin'],
    ['null', 'origin'],
    ['', 'origin'],
    ['*', 'origin'],
  ])('takes the origin %j: %j', (origin, cause) => {
    expect(guardOf(allowed, '127.0.0.1').refuses({ headers: { origin, host: '127.0.0.1:1' } })?.cause).toBe(cause);
  });

  it.each([
    ['127.0.0.1:8768', undefined],
    ['localhost:8768', undefined],
    ['LOCALHOST', undefined],
    ['[::1]:8768', undefined],
    ['192.0.2.1', undefined],
    ['console.example:1', undefined],
    [undefined, undefined],
    ['evil.example:8768', 'host'],
    ['localhost.evil.example', 'host'],
    ['127.0.0.1.evil.example', 'host'],
    ['', 'host'],
    ['a b', 'host'],
    ['x@127.0.0.1', 'host'],
  ])('takes the host %j on loopback: %j', (host, cause) => {
    expect(guardOf(allowed, '127.0.0.1').refuses({ headers: { host } })?.cause).toBe(cause);
  });

  it.each(['127.0.0.2', '::1', '::ffff:127.0.0.1'])(
    'refuses a strange host where the port listens on %s, which is loopback',
    (listens) => {
      expect(guardOf([], listens).refuses({ headers: { host: 'evil.example' } })?.cause).toBe('host');
    },
  );

  it.each([
    ['127.1', ['127.0.0.1']],
    ['LOCALHOST', ['127.0.0.1', '::1']],
    ['fleet.localhost', ['127.0.0.1']],
    ['this-machine', ['127.0.1.1']],
    ['lo.example', ['127.0.0.1', '::1']],
  ])('refuses a strange host where the port was told to listen on %s, which leads to %j', (host, bound) => {
    expect(guardOf([], host, bound).refuses({ headers: { host: 'evil.example' } })?.cause).toBe('host');
  });

  it.each(['Lo.Example:8768', 'lo.example'])('takes the host %s where the port was told to listen on it', (host) => {
    expect(guardOf([], 'lo.Example.', ['127.0.0.1']).refuses({ headers: { host } })).toBeUndefined();
  });

  it('takes any host where one of the addresses that its name leads to is no loopback', () => {
    const guard = guardOf([], 'lo.example', ['127.0.0.1', '192.0.2.1']);
    expect(guard.refuses({ headers: { host: 'fleet.example' } })).toBeUndefined();
  });

  it('takes any host where others can reach the port, as it has names that are not known here', () => {
    expect(guardOf([], '0.0.0.0').refuses({ headers: { host: 'fleet.example' } })).toBeUndefined();
    expect(guardOf([], '0.0.0.0').refuses({ headers: { host: 'a', origin: 'http://a' } })?.cause).toBe('origin');
  });

  it('says which option allows it, without all that was sent', () => {
    const { message } = guardOf([], '::1').refuses({ headers: { origin: `http://${'x'.repeat(9_000)}` } })!;
    expect(message).toContain('--ws-origin');
    expect(message.length).toBeLessThan(200);
  });

  it.each([
    ['*', '"*" is not offered'],
    ['', '"" is no origin'],
    ['console.example', '"console.example" is no origin: write http:// or https://'],
    ['https://console.example/', 'is no origin'],
    ['https://console.example/page', 'is no origin'],
    ['wss://console.example', 'is no origin'],
    ['https://a.example,', '"" is no origin'],
    ['https://user@a.example', 'is no origin'],
    ['null', '"null" is no origin'],
  ])('refuses %j as an option', (text, message) => {
    expect(() => parseOrigins(text)).toThrow(message);
  });
});
