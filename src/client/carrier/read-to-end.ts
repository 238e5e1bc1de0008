import type { Carrier } from './carrier.js';

/**
 * Reads a path whose peer says nothing on it, as its way has ended on the relay: signs of life come all the same, and
 * unread ones would break the path as it closes. One that dies meanwhile is noticed by whoever writes on it.
 */
export async function readToEnd(carrier: Carrier): Promise<void> {
  try {
    while ((await carrier.receive()) !== undefined);
  } catch {
    // As said.
  }
}
