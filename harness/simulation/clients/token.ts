const PREFIX_LENGTH = 'sw1_'.length;

/** The SID that stands in a session token, whether it is a good one or not. */
export function sidOfToken(token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  return Buffer.from(token.slice(PREFIX_LENGTH), 'base64url').readInt32BE();
}
