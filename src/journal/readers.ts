/** What a build knows of what a journal can hold. */
export interface KnownNumbers {
  /** The latest format of records that it reads. */
  readonly formatMax: number;
  /** The newest rules of decision, of `core/model/rules.ts`. */
  readonly rulesMax: number;
}

/** What every server knows that reads a shared journal. */
export interface Readers extends KnownNumbers {
  /** The name of one that reads no later format. */
  readonly formatOf: string;
  /** The name of one that knows no later rules. */
  readonly rulesOf: string;
}
