import { ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { Address } from '../../base/address.js';
import { findPinnedRoot } from './pinned-root.js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;

/** What pinned credentials are made of. */
export interface PinnedCredentialsDeps {
  readonly address: Address;
  /** The pins that are known at the moment. */
  readonly pins: () => readonly Uint8Array[];
  /** Credentials that trust one authority, PEM, and nobody else. */
  readonly trusting: (root: Buffer) => ChannelCredentials;
}

/**
 * Credentials for a server that is known by a pin of its authority. Before the first connection the authority's certificate is
 * fetched from the server itself and held against the pins; every connection is then checked in full, with that certificate as
 * the only root.
 */
export class PinnedCredentials extends ChannelCredentials {
  readonly #deps: PinnedCredentialsDeps;
  #trusted: Promise<ChannelCredentials> | undefined;

  constructor(deps: PinnedCredentialsDeps) {
    super();
    this.#deps = deps;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: ConnectorArguments): Connector {
    let base: Connector | undefined;
    const [target, options] = args;
    const unready = credentials.createInsecure()._createSecureConnector(target, options);
    const ready = async () => {
      base ??= (await this.#trusting())._createSecureConnector(...args);
      return base;
    };
    return {
      connect: async (socket) => {
        try {
          return await (await ready()).connect(socket);
        } catch (error) {
          // The authority may have another certificate of the same key by now: the next connection looks again.
          base = undefined;
          this.#trusted = undefined;
          throw error;
        }
      },
      waitForReady: async () => (await ready()).waitForReady(),
      getCallCredentials: () => (base ?? unready).getCallCredentials(),
      destroy: () => base?.destroy(),
    };
  }

  /** Found once; after a failure it is looked for again, as the server may have been away. */
  #trusting(): Promise<ChannelCredentials> {
    const { address, pins, trusting } = this.#deps;
    this.#trusted ??= findPinnedRoot(address, pins())
      .then(trusting)
      .catch((error: unknown) => {
        this.#trusted = undefined;
        throw error;
      });
    return this.#trusted;
  }
}
