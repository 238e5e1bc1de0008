import type { PathFacts } from '../../client/index.js';

/** How a connection goes, in the words of the commands. */
export function wayWords({ path }: Pick<PathFacts, 'path'>): string {
  return path === 'direct' ? 'directly' : 'through the server';
}
