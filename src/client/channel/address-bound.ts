import { ChannelCredentials } from '@grpc/grpc-js';
import { plainAddress } from '../../base/address.js';
import type { LocalAddresses } from '../local-addresses.js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Credentials for a channel whose connections end as soon as this machine loses the address that they come from: grpc-js would find out by
 * its next probe only, half a minute later, and no call would get through until then.
 */
export class AddressBound extends ChannelCredentials {
  readonly #base: ChannelCredentials;
  readonly #addresses: LocalAddresses;

  constructor(base: ChannelCredentials, addresses: LocalAddresses) {
    super();
    this.#base = base;
    this.#addresses = addresses;
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
      connect: (socket) => {
        const forget = this.#addresses.whenGone(plainAddress(socket.localAddress ?? ''), () => socket.destroy());
        socket.once('close', forget);
        return base.connect(socket);
      },
      waitForReady: () => base.waitForReady(),
      getCallCredentials: () => base.getCallCredentials(),
      destroy: () => base.destroy(),
    };
  }
}
