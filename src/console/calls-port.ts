import type { Permission } from '../core/model/trust/permission.js';
import type { AuthMode } from '../core/model/trust/policy.js';

/** Who makes a page's calls. `identity`: one of the network, with the roles that it has at each call. */
export type ConsoleRole = 'viewer' | 'administrator' | 'identity';

/** An identity that has logged in. */
export interface ConsoleIdentity {
  /** In lower case. */
  readonly uuid: string;
  /** The key by which it has shown itself: the login is good while the key is. */
  readonly keyId: string;
  /** When that key was bound, by the wall clock: logins end with a revocation, also where the same key is bound again. */
  readonly boundAtMs: number;
}

/** Whom a login lets in, and where. */
export interface ConsoleUser {
  readonly role: ConsoleRole;
  /** The one network that the pages of this login show. Of an administrator, who may see all: the one that is shown first. */
  readonly network: string;
  /** Of the role `identity`: which one. */
  readonly identity?: ConsoleIdentity | undefined;
}

/** What somebody who is logged in is called, and may do at this moment. */
export interface Standing {
  /** Of an identity: its name, or its UUID where it has none. Else empty. */
  readonly name: string;
  readonly roles: readonly string[];
  /** Permissions that need no grant. A page offers what they allow; whether a call may be made is decided at each. */
  readonly may: readonly Permission[];
  /** Who may call in the network: in `required`, those who prove who they are. Undefined: there is no such network. */
  readonly mode: AuthMode | undefined;
}

/** What an identity signs its codes with: the hash of an access token, which the server has in its memory. */
export interface CodeSecret {
  readonly secret: Uint8Array;
  /** The key by which that token was given. */
  readonly keyId: string;
  readonly boundAtMs: number;
  /** How long the token is good, where the key is the word of an authority or issuer: a login by it lasts no longer. */
  readonly leftMs?: number | undefined;
}

/** One call of a page. */
export interface PageCall {
  readonly path: string;
  /** The encoded request message. */
  readonly request: Uint8Array;
  /** ADDRESS:PORT of the page. */
  readonly peer: string;
  readonly role: ConsoleRole;
  /** The network that the page shows. */
  readonly network: string;
  readonly identity?: ConsoleIdentity | undefined;
}

/** Who gets what comes of a call. */
export interface PageReceiver {
  /** One encoded message. `taken` is to be called when it has left. */
  message(bytes: Uint8Array, taken: () => void): void;
  /** Called once, last; not after the call was cancelled. */
  end(status: { readonly code: number; readonly message: string; readonly details: Uint8Array }): void;
}

/** The server's own services, as the composition root hands them in: doors do not know each other. */
export interface CallsPort {
  /** Begins a call, and answers with the way to cancel it. */
  open(call: PageCall, receiver: PageReceiver): () => void;
  /** The page that called as this peer is gone. */
  left(peer: string): void;
  /** Undefined: the identity, its key or its network is not there any more, and its logins are over. */
  standing(user: ConsoleUser): Standing | undefined;
  /** The secrets with which an identity may have signed a code: one for each of its access tokens that is good. */
  codeSecrets(network: string, uuid: string): readonly CodeSecret[];
}
