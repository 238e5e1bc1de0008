import type { SecureContextOptions } from 'node:tls';
import type { Accept } from './pipe.js';

/** How a server can be reached, for whoever asks: a line of EnumerateTransport. */
export interface Transport {
  /** What identifies it: `grpc`, `tcp`, `tls`, `ws`, `wss` or `exchange`. */
  readonly codeName: string;
  /** Where it listens, as HOST:PORT. */
  readonly addresses: readonly string[];
  /** The largest packet it takes, in bytes. */
  readonly maxBlockBytes: number;
  readonly encrypted: boolean;
}

/** A transport that brings system events: one file each. */
export interface Adapter extends Transport {
  /** Begins to listen, and hands over every connection. */
  listen(accept: Accept): Promise<void>;
  /** Takes no more connections. Those that are open are their receivers' to close. */
  close(): Promise<void>;
}

/** One that speaks TLS. */
export interface EncryptedAdapter extends Adapter {
  /** Shows another certificate to those who connect from now on. Connections that stand keep theirs. */
  renew(files: SecureContextOptions): void;
}
