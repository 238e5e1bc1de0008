import type { Labels } from '../session.js';
import type { GrantedPermission, Permission } from './permission.js';

/** How a network lets callers in, from the weakest to the strictest. */
export const AUTH_MODES = ['open', 'observe', 'required'] as const;
/** One of {@link AUTH_MODES}. */
export type AuthMode = (typeof AUTH_MODES)[number];

/** The numbers of the modes in `switchyard.v1.AuthMode`. */
export const AUTH_MODE_NUMBERS = { open: 1, observe: 2, required: 3 } as const satisfies Readonly<
  Record<AuthMode, number>
>;

/** The stricter of two modes. */
export function stricter(one: AuthMode, other: AuthMode): AuthMode {
  return AUTH_MODES[Math.max(AUTH_MODES.indexOf(one), AUTH_MODES.indexOf(other))];
}

/** Whom a grant is about: everybody, or those with a role, a label, a UUID or a name. */
export type Selector =
  | { readonly by: 'all' }
  | { readonly by: 'role'; readonly role: string }
  | { readonly by: 'label'; readonly key: string; readonly value: string }
  | { readonly by: 'uuid'; readonly uuid: string }
  | { readonly by: 'name'; readonly name: string };

/** What a grant looks at: what an administrator or a ticket has said of an identity, and never what it says of itself. */
export interface GrantParty {
  readonly uuid: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly labels: Labels;
}

/** Lets some principals do something with some targets. Grants only add. */
export interface Grant {
  readonly from: readonly Selector[];
  readonly to: readonly Selector[];
  readonly may: readonly GrantedPermission[];
  /** Which ports of the targets may be reached by the connections. Absent: all that a target opens. */
  readonly ports?: readonly PortRange[];
}

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** How much one session of a role may have at a time, and how much one identity may send. Absent: as much as the limits of the network allow. */
export interface RoleLimits {
  /** Streams that it owns, besides its first. */
  readonly streams?: number;
  /** Connections that are being made or stand, at either end. */
  readonly connections?: number;
  /** Bytes that all sessions of one identity together send to relays in a second. */
  readonly relayedBytesPerSecond?: number;
  /** Calls that one identity may make in a second, at both doors together. */
  readonly callsPerSecond?: number;
  /** Bytes that all sessions of one identity together send to relays in a calendar month. */
  readonly relayedBytesPerMonth?: number;
  /** Calls that one identity may make in a calendar month. */
  readonly callsPerMonth?: number;
}

/** What a policy promises about itself. It is stored only if it keeps all of them. */
export interface PolicyTest {
  readonly from: GrantParty;
  readonly may: Permission;
  readonly to: GrantParty | undefined;
  /** The port that is to be reached; absent: whichever. */
  readonly port?: number;
  readonly expect: 'allow' | 'deny';
}

/** To what a proof may be bound. */
export const BINDINGS = ['none', 'tls'] as const;
/** One of {@link BINDINGS}. */
export type Binding = (typeof BINDINGS)[number];

/** Signatures of an issuer's tokens that can be allowed: of public keys only, so that nobody who can read a key can sign. */
export const ISSUER_ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
] as const;
/** One of {@link ISSUER_ALGORITHMS}. */
export type IssuerAlgorithm = (typeof ISSUER_ALGORITHMS)[number];

/** Gives roles to those of whom a token says something. */
export interface ClaimRule {
  /** The claim, and of nested ones each name on the way. None: everybody. */
  readonly claim: readonly string[];
  /** What it is, or what is in its list. */
  readonly has: string;
  readonly roles: readonly string[];
}

/** An OpenID Connect issuer whose tokens are taken. */
export interface Issuer {
  /** Its URL, as its tokens spell it. */
  readonly issuer: string;
  /** A token has to be for one of them. */
  readonly audience: readonly string[];
  readonly algorithms: readonly IssuerAlgorithm[];
  /** What `typ` in the header of its tokens says, in lower case. */
  readonly typ: string;
  /** What its subjects are. */
  readonly kind: 'person' | 'service';
  readonly roles: readonly ClaimRule[];
}

/** What instances with certificates of a SPIFFE trust domain get when they come. */
export interface TrustDomain {
  readonly trustDomain: string;
  readonly roles: readonly string[];
}

/** What a network's policy says, read from its document. */
export interface Policy {
  readonly auth: AuthMode;
  readonly bindings: readonly Binding[];
  readonly grants: readonly Grant[];
  /** By role. Who has several gets the highest of each. */
  readonly limits: ReadonlyMap<string, RoleLimits>;
  readonly issuers: readonly Issuer[];
  readonly certificates: readonly TrustDomain[];
  readonly tests: readonly PolicyTest[];
}

/** A policy as a network has it. */
export interface StoredPolicy {
  /** As it was put, JSON. */
  readonly document: string;
  /** The revision in which it was put. */
  readonly revision: number;
  readonly policy: Policy;
}

/** The bounds of policies. They decide what a stored command comes to, so they never change. */
export const POLICY_BOUNDS = {
  /** Bytes of a document: it is read whole, which takes some milliseconds. */
  documentBytesMax: 262_144,
  /** Grants: each is looked at when a connection or a stream is asked for. */
  grantsMax: 1_000,
  /** Selectors on one side of a grant. */
  selectorsMax: 64,
  /** Ports and ranges of ports of one grant. */
  portsMax: 16,
  /** The same of all grants: they add up for a pair, and an order of 10 KiB tells them. */
  portsInAllMax: 1_024,
  /** Bytes a second of a quota: a source waits for 64 s after one block of 1 MiB, and with less for longer. */
  relayedBytesPerSecondMin: 16_384,
  /** The same at most: 8 Tbit/s. */
  relayedBytesPerSecondMax: 1_000_000_000_000,
  /** Calls a second of a quota: as many as any server answers. */
  callsPerSecondMax: 1_000_000,
  /** Bytes a month of a quota: a petabyte. */
  relayedBytesPerMonthMax: 1_000_000_000_000_000,
  /** Calls a month of a quota: more than any server answers. */
  callsPerMonthMax: 1_000_000_000_000,
  /** Issuers of tokens: the keys of each are fetched and kept. */
  issuersMax: 8,
  /** Audiences of one issuer. */
  audiencesMax: 8,
  /** Rules of one issuer that give roles: each is looked at when a token comes for the first time. */
  claimRulesMax: 64,
  /** Names on the way to a nested claim. */
  claimDepthMax: 4,
  /** Trust domains of certificates. */
  trustDomainsMax: 64,
  /** Characters of a URL, a claim, an audience and the like. */
  wordLengthMax: 255,
  /** Tests of a policy: each looks at every grant. */
  testsMax: 1_000,
} as const;

/** The document of a network that is founded in a mode: it lets clients reach agents. */
export function foundingDocument(auth: AuthMode): string {
  const grants = [{ from: ['role:client'], to: ['role:agent'], may: ['connection.ask', 'stream.create'] }];
  return `${JSON.stringify({ auth, grants }, undefined, 2)}\n`;
}
