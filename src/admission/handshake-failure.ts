/** Why a TLS handshake failed: what is counted together, and in words. */
export interface HandshakeFailure {
  readonly kind: string;
  readonly why: string;
}

/** By what OpenSSL and Node call it. The order matters: the first that fits is it. */
const FAILURES: readonly (readonly [pattern: RegExp, kind: string, why: string])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'no-certificate', 'it showed no certificate, and --tls-client-ca asks for one'],
  [
    /CERTIFICATE_VERIFY_FAILED|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_/,
    'certificate',
    'its certificate is of no authority in --tls-client-ca, or is not valid now',
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)/,
    'distrust',
    "it does not trust this server's certificate",
  ],
  [
    /HTTP_REQUEST|WRONG_VERSION_NUMBER|UNKNOWN_PROTOCOL|PACKET_LENGTH|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE/,
    'plain-text',
    'it does not speak TLS: was it meant for a port in plain text?',
  ],
  [
    /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW/,
    'version',
    'it speaks no version of TLS that is taken here',
  ],
  [/NO_SHARED_CIPHER|NO_SUITABLE|NO_SHARED_GROUP/, 'cipher', 'it has no cipher in common with this server'],
  [/NO_APPLICATION_PROTOCOL/, 'application', 'it wants to speak another protocol over TLS'],
  [/ECONNRESET|EPIPE|ETIMEDOUT/, 'broken', 'the connection broke within it'],
  [/ERR_TLS_HANDSHAKE_TIMEOUT/, 'timeout', 'it took too long'],
];

/** What a failed handshake was about, by the error that ended it. */
export function handshakeFailure({ code = '', message }: NodeJS.ErrnoException): HandshakeFailure {
  const found = FAILURES.find(([pattern]) => pattern.test(code)) ?? FAILURES.find(([pattern]) => pattern.test(message));
  // Not OpenSSL's own words: they hold an address of the process.
  const [, kind, why] = found ?? ['', 'other', `it ended with ${/^\w+$/.test(code) ? code : 'an error'}`];
  return { kind, why: `a TLS handshake failed: ${why}` };
}
