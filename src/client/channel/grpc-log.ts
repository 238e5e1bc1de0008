import { setLogger } from '@grpc/grpc-js';

/** How grpc-js begins to tell of metadata that it drops because of an illegal character; the value follows. */
const DROPPED = /^Failed to add metadata entry /;

/**
 * Where grpc-js of this process logs to, without what it says of metadata that it drops: it prints the value, and a token with
 * a character too many is one of them. Any stranger could fill the log of a server by it as well. For whoever owns the
 * process, as grpc-js has one log for all of it.
 */
export function logGrpcWithoutValues(write: (line: string) => void): void {
  const told = (...words: readonly unknown[]) => {
    if (!DROPPED.test(String(words[0]))) write(words.map(String).join(' '));
  };
  setLogger({ error: told, info: told, debug: told });
}
