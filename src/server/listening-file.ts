import { join } from 'node:path';
import type { Logger } from 'pino';
import { codeOf } from '../base/errors.js';
import { readPrivateFile, replacePrivateFile } from '../base/private-files.js';

/** The file of a data folder that says where its server listens, for commands on the same machine. */
const FILE = 'listening.json';

/** Where the server of a data folder listens, or listened when it ran last. */
export interface Listening {
  /** HOST:PORT of gRPC. */
  readonly grpc: string;
  /** By whose certificate that port speaks TLS: the options' (`files`), the folder's authority (`own`), or not at all. */
  readonly tls: 'files' | 'own' | 'none';
}

const UNWRITTEN_WORDS =
  'where this server listens cannot be written to the data folder: commands on this machine may need --server and --tls-ca';

/**
 * Writes it at each start, unless the file says the same already. A folder that cannot be written, as on a full disk, is a warning: a
 * server that serves is worth more than a file that spares local commands an option.
 */
export function rememberListening(folder: string, listening: Listening, log: Pick<Logger, 'warn'>): void {
  const path = join(folder, FILE);
  const content = `${JSON.stringify(listening)}\n`;
  try {
    if (!isContent(path, content)) replacePrivateFile(path, content);
  } catch (error) {
    log.warn({ err: error, path, listening }, UNWRITTEN_WORDS);
  }
}

/** Whether a file has this content. One that is not safe to read has not: it is replaced. */
function isContent(path: string, content: string): boolean {
  try {
    return readPrivateFile(path) === content;
  } catch {
    return false;
  }
}

/** What the folder says; undefined where it says nothing that the caller may read. */
export function readListening(folder: string): Listening | undefined {
  try {
    const text = readPrivateFile(join(folder, FILE));
    if (text === undefined) return undefined;
    const { grpc, tls } = JSON.parse(text) as Partial<Listening>;
    const isKnown = tls === 'files' || tls === 'own' || tls === 'none';
    return typeof grpc === 'string' && isKnown ? { grpc, tls } : undefined;
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof SyntaxError || code === 'EACCES' || code === 'ENOENT') return undefined;
    throw error;
  }
}
