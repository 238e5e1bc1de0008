/** The part of udx-native that is used here; it brings no types of its own. */
declare module 'udx-native' {
  import type { EventEmitter } from 'node:events';

  interface From {
    readonly host: string;
    readonly port: number;
  }

  /** A UDP socket. What is no packet of a stream is a message. */
  export interface UdxSocket extends EventEmitter {
    bind(port: number, host: string): void;
    address(): From;
    /** Sends once, and says nothing about what became of it. */
    trySend(bytes: Uint8Array, port: number, host: string): void;
    /** Takes no more messages; the socket closes when its last stream has. */
    close(): Promise<void>;
    on(event: 'message', listener: (bytes: Buffer, from: From) => void): this;
    off(event: 'message', listener: (bytes: Buffer, from: From) => void): this;
  }

  /** A reliable stream of bytes over a socket. */
  export interface UdxStream extends EventEmitter {
    readonly destroyed: boolean;
    /** The smoothed round trip in milliseconds. */
    readonly rtt: number;
    connect(socket: UdxSocket, remoteId: number, port: number, host: string): void;
    /** Sends a message to the other end, once, outside the order of the stream; says nothing about what became of it. */
    trySend(bytes: Uint8Array): void;
    write(bytes: Uint8Array): boolean;
    end(): void;
    /** Resolves once everything that was written is acknowledged. */
    flush(): Promise<boolean>;
    pause(): void;
    resume(): void;
    destroy(): void;
  }

  export default class Udx {
    createSocket(options?: { ipv6Only?: boolean }): UdxSocket;
    createStream(id: number): UdxStream;
  }
}
