/** Bounds of issuers' tokens and keys. */
export interface IssuerLimits {
  /** Characters of a token: those of people with some hundred groups have 6,000. It comes in a header. */
  readonly tokenLengthMax: number;
  /** How far the issuer's clock and this one's may be apart. */
  readonly skewMs: number;
  /** How old a token may be, whatever it says of its end: an issuer takes nothing back before. */
  readonly tokenAgeMsMax: number;
  /** Tokens of one issuer that are checked, or wait for its keys, at once: some KiB each. */
  readonly checkingMax: number;
  /** For so long keys are used without asking the issuer again: how long one that it has withdrawn is still taken. */
  readonly freshMs: number;
  /** For so long the last good keys are used while the issuer is away. */
  readonly keptMs: number;
  /** Least time between two fetches from one issuer, whoever sends tokens of unknown keys. */
  readonly retryMs: number;
  /** How long one fetch may take, both documents together. */
  readonly fetchMsMax: number;
  /** Bytes of one document: a large issuer's keys have 20 KiB. */
  readonly documentBytesMax: number;
  /** Keys of one issuer. */
  readonly keysMax: number;
  /** Tokens that were found good and are remembered, at some 300 B each. */
  readonly rememberedMax: number;
}

/** The bounds of every server. */
export const DEFAULT_ISSUER_LIMITS: IssuerLimits = {
  tokenLengthMax: 8_192,
  skewMs: 60_000,
  tokenAgeMsMax: 86_400_000,
  checkingMax: 256,
  freshMs: 600_000,
  keptMs: 3_600_000,
  retryMs: 10_000,
  fetchMsMax: 5_000,
  documentBytesMax: 262_144,
  keysMax: 100,
  rememberedMax: 16_384,
};
