import { readConfig } from '../../src/config/config.js';
import type { Limits } from '../../src/core/model/limits.js';

/** Flags of a start by what they are called. They decide what is taken from then on, and nothing of what a journal says. */
export const STARTS = {
  default: {},
  lowered: { 'sessions-max': '3', 'streams-per-session-max': '1', 'labels-max': '0', 'links-per-node-max': '1' },
  raised: { 'sessions-max': '4194304', 'streams-per-session-max': '256', 'connections-pending-per-session-max': '64' },
} as const;

/** What one of {@link STARTS} is called. */
export type StartName = keyof typeof STARTS;

/** All of them. */
export const START_NAMES = Object.keys(STARTS) as StartName[];

/** The limits that a start with these flags asks for. */
export function limitsOfStart(name: StartName): Limits {
  const flags = { data: ':memory:', ...STARTS[name] };
  return readConfig({ flags, env: {}, platform: 'linux', home: '/nowhere', readFile: () => '' }).limits;
}
