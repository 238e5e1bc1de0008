import { asError, codeOf } from '../base/errors.js';
/** An address that cannot be listened at, and the option that named it. */
export class ListenError extends Error {
  /** The operating system's word for it: `EADDRINUSE`. */
  readonly code: string | undefined;

  constructor(
    /** With its dashes. */
    readonly option: string,
    cause: unknown,
  ) {
    super(asError(cause).message, { cause });
    this.name = 'ListenError';
    this.code = codeOf(cause);
  }
}

/** Waits until something listens; rejects with a {@link ListenError}. */
export async function listening<Result>(option: string, opened: Promise<Result>): Promise<Result> {
  try {
    return await opened;
  } catch (error) {
    throw new ListenError(option, error);
  }
}
