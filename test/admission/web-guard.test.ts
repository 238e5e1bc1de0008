import { describe, expect, it } from '@jest/globals';
import { parseOrigins, WebGuard } from '../../src/admission/web-guard.js';

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
    expect(new WebGuard(allowed, '127.0.0.1').refuses({ headers: { origin, host: '127.0.0.1:1' } })?.cause).toBe(cause);
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
    expect(new WebGuard(allowed, '127.0.0.1').refuses({ headers: { host } })?.cause).toBe(cause);
  });

  it.each(['127.0.0.2', '127.1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'LOCALHOST', 'localhost.', 'fleet.localhost'])(
    'refuses a strange host where the port listens on %s, which is loopback',
    (listens) => {
      expect(new WebGuard([], listens).refuses({ headers: { host: 'evil.example' } })?.cause).toBe('host');
    },
  );

  it('takes any host where others can reach the port, as it has names that are not known here', () => {
    expect(new WebGuard([], '0.0.0.0').refuses({ headers: { host: 'fleet.example' } })).toBeUndefined();
    expect(new WebGuard([], '0.0.0.0').refuses({ headers: { host: 'a', origin: 'http://a' } })?.cause).toBe('origin');
  });

  it('says which option allows it, without all that was sent', () => {
    const { message } = new WebGuard([], '::1').refuses({ headers: { origin: `http://${'x'.repeat(9_000)}` } })!;
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
