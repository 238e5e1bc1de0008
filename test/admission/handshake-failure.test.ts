import { describe, expect, it } from '@jest/globals';
import { acceptFailure } from '../../src/admission/door-listener.js';
import { handshakeFailure } from '../../src/admission/handshake-failure.js';

function failed(code: string, message = ''): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

describe('a TLS handshake that failed', () => {
  it.each([
    ['ERR_SSL_HTTP_REQUEST', /does not speak TLS/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/],
    ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', /showed no certificate, and --tls-client-ca/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /does not trust this server's certificate/],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', /no version of TLS/],
    ['ERR_SSL_NO_SHARED_CIPHER', /no cipher in common/],
    ['ECONNRESET', /the connection broke within it/],
  ])('is told by its cause: %s', (code, why) => {
    expect(handshakeFailure(failed(code)).why).toMatch(why);
  });

  it('is told without an address of the process, which OpenSSL writes into its words', () => {
    const { why } = handshakeFailure(failed('', '803C42A7217F0000:error:0A000999:SSL routines:f:odd:../deps/x.c:350:'));
    expect(why).toBe('a TLS handshake failed: it ended with an error');
  });
});

describe('connections that cannot be accepted', () => {
  it('are told by the real cause, and as a lack of descriptors only where it is one', () => {
    expect(acceptFailure(failed('EMFILE', 'accept EMFILE'))).toMatchObject({ cause: 'descriptors' });
    expect(acceptFailure(failed('ENOBUFS', 'accept ENOBUFS'))).toEqual({
      cause: 'accept',
      kind: 'accept ENOBUFS',
      address: undefined,
      why: 'connections are not accepted: accept ENOBUFS',
    });
  });
});
