import type { LoginFacts, Role } from './link.js';
import { DEFAULT_NETWORK } from './link.js';

/* The layout of a code is in src/console/credentials.ts. Only the server knows whether one is good. */

const ROLES: readonly Role[] = ['viewer', 'administrator', 'identity'];
const ROLE_AT = 6;
const UUID_AT = 16;
const UUID_BYTES = 16;
const MAC_BYTES = 32;

/** Whether a code is for somebody else than who is logged in, or for another network, as far as it says. */
export function isForOther(
  code: string,
  { role, uuid, network }: Pick<LoginFacts, 'role' | 'uuid' | 'network'>,
): boolean {
  // What is no base64 is no code, and the server says so.
  if (role === null || code.length % 4 === 1) return false;
  const text = atob(code.replaceAll('-', '+').replaceAll('_', '/'));
  const wanted = ROLES[text.charCodeAt(ROLE_AT)];
  if (wanted !== role) return true;
  if (wanted === 'administrator') return false;
  const networkAt = UUID_AT + (wanted === 'identity' ? UUID_BYTES : 0);
  const isOther = (text.slice(networkAt, -MAC_BYTES) || DEFAULT_NETWORK) !== network;
  return isOther || (wanted === 'identity' && hexOf(text.slice(UUID_AT, networkAt)) !== uuid.replaceAll('-', ''));
}

function hexOf(text: string): string {
  return Array.from(text, (one) => one.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}
