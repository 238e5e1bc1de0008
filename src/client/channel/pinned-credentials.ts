import { X509Certificate } from 'node:crypto';
import { ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { Address } from '../../base/address.js';
import { holdsPin, pinOf } from '../../trust/pin.js';
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

/** The authority that is trusted at the moment. */
interface Trusted {
  readonly pin: Uint8Array;
  readonly credentials: ChannelCredentials;
}

/**
 * Credentials for a server that is known by a pin of its authority. Before the first connection the authority's certificate is
 * fetched from the server itself and held against the pins; every connection is then checked in full, with that certificate as
 * the only root. It is looked for again when its pin is known no more, since what is told of authorities is believed of it.
 */
export class PinnedCredentials extends ChannelCredentials {
  readonly #deps: PinnedCredentialsDeps;
  #trusted: Promise<Trusted> | undefined;

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
    let by: Trusted | undefined;
    const [target, options] = args;
    const unready = credentials.createInsecure()._createSecureConnector(target, options);
    const ready = async () => {
      const trusted = await this.#trusting();
      if (base === undefined || by !== trusted) {
        base?.destroy();
        base = trusted.credentials._createSecureConnector(...args);
        by = trusted;
      }
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

  /** Found once, as long as its pin is known; after a failure it is looked for again, as the server may have been away. */
  async #trusting(): Promise<Trusted> {
    for (;;) {
      this.#trusted ??= this.#find();
      const finding = this.#trusted;
      const found = await finding;
      if (holdsPin(this.#deps.pins(), found.pin)) return found;
      if (this.#trusted === finding) this.#trusted = undefined;
    }
  }

  async #find(): Promise<Trusted> {
    const { address, pins, trusting } = this.#deps;
    try {
      const root = await findPinnedRoot(address, pins());
      return { pin: pinOf(new X509Certificate(root)), credentials: trusting(root) };
    } catch (error) {
      this.#trusted = undefined;
      throw error;
    }
  }
}
