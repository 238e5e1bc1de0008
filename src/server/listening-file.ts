import { join } from 'node:path';
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

/** Writes it at each start. */
export function rememberListening(folder: string, listening: Listening): void {
  replacePrivateFile(join(folder, FILE), `${JSON.stringify(listening)}\n`);
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
