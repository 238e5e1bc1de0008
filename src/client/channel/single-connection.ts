import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ChannelCredentials } from '@grpc/grpc-js';
import { isLoopback } from '../../base/address.js';
import { keyIdOf } from '../../trust/public-key.js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Credentials for a channel that makes one connection in its life, over TLS or to a loopback address: what was found out about the
 * server is true of every call. grpc-js connects again by itself, and the next one at that port may be another program.
 */
export class SingleConnection extends ChannelCredentials {
  readonly #base: ChannelCredentials;
  #isMade = false;
  #leafKeyId: Buffer | undefined;

  constructor(base: ChannelCredentials) {
    super();
    this.#base = base;
  }

  /** SHA-256 of the key in the certificate that the server showed; undefined in plain text, and before there is a connection. */
  get leafKeyId(): Buffer | undefined {
    return this.#leafKeyId;
  }

  override _isSecure(): boolean {
    return this.#base._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: Parameters<ChannelCredentials['_createSecureConnector']>): Connector {
    const base = this.#base._createSecureConnector(...args);
    return {
      connect: async (socket) => {
        this.#check(socket);
        const connected = await base.connect(socket);
        this.#take(connected.socket);
        return connected;
      },
      waitForReady: () => base.waitForReady(),
      getCallCredentials: () => base.getCallCredentials(),
      destroy: () => base.destroy(),
    };
  }

  #check(socket: Socket): void {
    const isSafe = this._isSecure() || isLoopback({ host: socket.remoteAddress ?? '', port: 0 });
    if (!this.#isMade && isSafe) return;
    socket.destroy();
    throw new Error(isSafe ? 'the connection to the server has ended' : 'not a loopback address, and not encrypted');
  }

  /** Of two that are made at once, the first is the one. */
  #take(socket: Socket): void {
    this.#check(socket);
    this.#isMade = true;
    if (!(socket instanceof TLSSocket)) return;
    const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
    this.#leafKeyId = key && keyIdOf(key);
  }
}
