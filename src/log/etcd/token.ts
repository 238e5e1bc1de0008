import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { EtcdUser } from './access.js';

/** Where etcd looks for the token of a request. */
const TOKEN_KEY = 'token';

/**
 * How etcd says that it did not look at a request because of its token: it was given before the member started anew, or was not used for
 * five minutes; authentication was turned on, or its rules changed, meanwhile.
 */
const STALE = ['invalid auth token', 'user name is empty', 'revision of auth store is old'];

/** Exchanges a name and a password for a token, at this member. Rejects with a ServiceError. */
export type Authenticate = (user: EtcdUser, at: number) => Promise<string>;

/**
 * The token that requests carry where etcd's authentication is turned on. It is asked for before the first of them, and again when
 * etcd does not know it any more; requests that come meanwhile wait for the same answer.
 */
export class EtcdToken {
  readonly #user: EtcdUser | undefined;
  readonly #authenticate: Authenticate;
  #asked: Promise<Metadata> | undefined;

  constructor(user: EtcdUser | undefined, authenticate: Authenticate) {
    this.#user = user;
    this.#authenticate = authenticate;
  }

  /** What a request to this member carries; any member knows the token of another. Rejects with a ServiceError when the name or the password is wrong. */
  metadata(at: number): Promise<Metadata> {
    const user = this.#user;
    if (user === undefined) return NO_TOKEN;
    if (this.#asked !== undefined) return this.#asked;
    const asked = this.#authenticate(user, at).then(metadataOf, unlessTurnedOff);
    this.#asked = asked;
    // One that failed is not kept.
    asked.catch(() => this.forget(asked));
    return asked;
  }

  /** The next request asks for another token, unless one has done so since. */
  forget(stale: Promise<Metadata>): void {
    if (this.#asked === stale) this.#asked = undefined;
  }

  /** Whether a request was refused for its token alone, so that it has not taken place and may with another one. */
  isStale({ details }: ServiceError): boolean {
    return this.#user !== undefined && STALE.some((reason) => details.includes(reason));
  }
}

const NO_TOKEN = Promise.resolve(new Metadata());

function metadataOf(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set(TOKEN_KEY, token);
  return metadata;
}

/**
 * An etcd whose authentication is turned off knows no tokens, and takes everybody. So servers can be given a user first, and
 * authentication be turned on while they run.
 */
function unlessTurnedOff(error: ServiceError): Metadata {
  if (error.code === status.FAILED_PRECONDITION && error.details.includes('authentication is not enabled')) {
    return new Metadata();
  }
  throw error;
}
