/** What stands in the place of a secret. */
export const REMOVED = '(removed)';

/** The names of what is secret, wherever a value follows them: in a header, an option, JSON or a variable. */
const NAMED =
  /((?:admin|session|access|bearer)?[-_ ]?(?:token|secret|password|passphrase|private[-_ ]?key)|authorization|cookie|switchyard-(?:session|admin))((?:\\?["'])?\s*[:=]\s*(?:\\?["'])?|\s(?=\S*\d))((?:bearer|basic)\s+)?[^\s"',;}\\]{6,}/gi;
/** `--admin-token TOKEN` and its like: an option and its value need no digit to be told from words. */
const OPTION = /(--[a-z]+-token[ =])\S+/g;
/** Tokens of sessions, access tokens and tickets, by what they begin with. */
const OWN_TOKEN = /sw[at]?1_[A-Za-z0-9_-]+/g;
/** A private key in PEM, also one that is cut off, and one whose line ends are escaped. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*)/g;

/** A text without the secrets in it: those that are known, and what looks like one. */
export function redact(text: string, known: readonly string[] = []): string {
  const plain = known.filter((secret) => secret.length > 0).reduce((all, one) => all.replaceAll(one, REMOVED), text);
  return plain
    .replaceAll(PRIVATE_KEY, REMOVED)
    .replaceAll(OWN_TOKEN, REMOVED)
    .replaceAll(OPTION, `$1${REMOVED}`)
    .replaceAll(NAMED, `$1$2${REMOVED}`);
}

/** The same of every text in a value; keys stay as they are. */
export function redactAll(value: unknown, known: readonly string[] = []): unknown {
  if (typeof value === 'string') return redact(value, known);
  if (Array.isArray(value)) return value.map((one) => redactAll(one, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, redactAll(one, known)]));
}
