import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';

/** What is deprecated, by the name that the metric has for it, and what takes its place. One minor version later it may be gone. */
export const DEPRECATIONS = {
  relay_version_1:
    'relay_version 1 of DirectConnectionRequest and GatherAnswer is deprecated, as the server can read what is relayed: use 3, or clients from 0.2.0 on',
} as const;
export type Deprecation = keyof typeof DEPRECATIONS;

/** The counter of calls that use what is deprecated. */
export function countDeprecated(registry: Registry): Counter {
  const counter = new Counter({
    name: 'switchyard_deprecated_calls_total',
    help: 'Calls that use what is deprecated and may be gone after the next minor version, by what that is: see RELEASING.md.',
    labelNames: ['what'],
    registers: [registry],
  });
  // From zero, so that a rate knows the first one.
  for (const what of Object.keys(DEPRECATIONS)) counter.inc({ what }, 0);
  return counter;
}

/** What telling of deprecated calls stands on. */
export interface DeprecationsDeps {
  readonly log: Pick<Logger, 'warn'>;
  /** Undefined: nobody measures. */
  readonly metrics: { readonly deprecated: Pick<Counter, 'inc'> } | undefined;
}

/**
 * Answers with what is to be called, with the caller's address, for each call that uses what is deprecated. It counts them all and warns of
 * the first: the metric says whether there are more, so that a fleet of old clients does not fill the log.
 */
export function deprecation(what: Deprecation, { log, metrics }: DeprecationsDeps): (address: string) => void {
  let isTold = false;
  return (address) => {
    metrics?.deprecated.inc({ what });
    if (isTold) return;
    isTold = true;
    log.warn({ what, address }, DEPRECATIONS[what]);
  };
}
