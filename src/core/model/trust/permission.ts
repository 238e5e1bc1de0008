import type { Role } from './identity.js';

/** What a principal may be allowed to do. Refusals name one of these, so they are API and never change. */
export const PERMISSIONS = [
  'session.open',
  'session.own',
  'graph.read',
  'connection.ask',
  'stream.create',
  'network.read',
  'session.terminate',
  'stream.stop',
  'ticket.issue',
  'identity.read',
  'identity.manage',
  'policy.read',
  'policy.manage',
  'audit.read',
  'network.manage',
] as const;
/** One of {@link PERMISSIONS}. */
export type Permission = (typeof PERMISSIONS)[number];

/** Permissions that a policy grants for each pair of a principal and a target; no role has them by itself. */
export const GRANTED_PERMISSIONS = ['connection.ask', 'stream.create'] as const satisfies readonly Permission[];
/** One of {@link GRANTED_PERMISSIONS}. */
export type GrantedPermission = (typeof GRANTED_PERMISSIONS)[number];

/** What each role may do, whatever the policy says. A role that is not here may do nothing by itself. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  agent: ['session.open', 'session.own'],
  client: ['session.open', 'session.own', 'graph.read'],
  observer: ['graph.read', 'network.read'],
  operator: [
    ...(['session.open', 'session.own', 'graph.read', 'network.read'] as const),
    ...(['session.terminate', 'stream.stop', 'ticket.issue'] as const),
  ],
  admin: [
    ...(['graph.read', 'network.read', 'session.terminate', 'stream.stop', 'ticket.issue'] as const),
    ...(['identity.read', 'identity.manage', 'policy.read', 'policy.manage', 'audit.read'] as const),
    'network.manage',
  ],
};

/** What everybody may do while nobody has to prove who they are: in the modes `open` and `observe`. */
export const OPEN_PERMISSIONS: readonly Permission[] = [
  ...(['session.open', 'session.own', 'graph.read', 'connection.ask', 'stream.create'] as const),
];

/** What a method needs from its caller. */
export interface MethodRule {
  /**
   * The permission without which it is refused before it begins. `nothing`: it needs no credential, or the request brings its own;
   * `principal`: any principal will do.
   */
  readonly needs: Permission | 'nothing' | 'principal';
  /** The permission for what is not the caller's own. Who has it may call the method without `needs`. */
  readonly others?: Permission;
  /** The request may hold a proof of who asks, so the method itself asks for the permission once that is verified. */
  readonly shows?: true;
  /** The targets are asked for one by one, by the grants of the policy. */
  readonly granted?: GrantedPermission;
  /**
   * Neither counted nor refused by a quota of calls: it ends or answers something, so that a caller at its limit can always give back what
   * it holds; its bytes are counted instead; an end asks it to keep a
   * connection whose path it has lost; or it is how an identity or administrators find out and undo what was granted. What needs
   * `nothing` or `shows` is not counted either, as it is not known yet who asks.
   */
  readonly unmetered?: true;
  /** Who has done it, from where and to whom is written to the audit log; `others`: only where it is not the caller's own. */
  readonly audited?: 'always' | 'others';
}

/**
 * Every method of the API and every request of system events, by its name: what it needs in the mode `required`, and beyond what
 * everybody may do in `open` and `observe`. A method without a row does not compile.
 */
export const METHODS = {
  Session: { needs: 'session.open', shows: true },
  Attach: { needs: 'session.own', shows: true },
  KeepAlive: { needs: 'session.own', shows: true },
  Answer: { needs: 'session.own', unmetered: true },
  TerminateSession: { needs: 'session.own', others: 'session.terminate', audited: 'others', unmetered: true },
  GetSession: { needs: 'session.own', others: 'graph.read' },
  ListSessions: { needs: 'graph.read' },
  WatchSessions: { needs: 'graph.read' },

  DirectConnection: { needs: 'session.own', granted: 'connection.ask' },
  ReportLink: { needs: 'session.own', unmetered: true },
  GetNode: { needs: 'session.own', others: 'graph.read' },
  FindPath: { needs: 'graph.read' },
  WatchNetworkDelta: { needs: 'graph.read' },
  WatchEndpointClosed: { needs: 'graph.read' },
  GetConnection: { needs: 'session.own', others: 'network.read', unmetered: true },
  ListConnections: { needs: 'session.own', others: 'network.read' },
  WatchConnections: { needs: 'session.own', others: 'network.read' },

  CreateStream: { needs: 'session.own', granted: 'stream.create' },
  UpdateStreamParams: { needs: 'session.own' },
  TerminateStream: { needs: 'session.own', unmetered: true },
  StopStream: { needs: 'session.own', others: 'stream.stop', audited: 'others', unmetered: true },
  GetStream: { needs: 'session.own', others: 'network.read' },
  ListStreams: { needs: 'session.own', others: 'network.read' },
  WatchStreams: { needs: 'session.own', others: 'network.read' },
  Relay: { needs: 'session.own', unmetered: true },
  Open: { needs: 'session.own', unmetered: true },

  EnumerateTransport: { needs: 'principal' },
  Exchange: { needs: 'nothing' },
  GetServer: { needs: 'nothing' },
  ListServers: { needs: 'network.read' },

  Challenge: { needs: 'nothing' },
  Login: { needs: 'nothing', audited: 'always' },
  WhoAmI: { needs: 'principal', unmetered: true },
  RotateKey: { needs: 'nothing', audited: 'always' },
  GetIdentity: { needs: 'principal', others: 'identity.read' },
  ListIdentities: { needs: 'identity.read' },
  UpdateIdentity: { needs: 'identity.manage', audited: 'always' },
  BindKey: { needs: 'identity.manage', audited: 'always' },
  ForgetKey: { needs: 'identity.manage', audited: 'always', unmetered: true },
  RevokeIdentity: { needs: 'identity.manage', audited: 'always', unmetered: true },
  IssueTicket: { needs: 'ticket.issue', audited: 'always' },
  ListTickets: { needs: 'ticket.issue' },
  RevokeTicket: { needs: 'ticket.issue', audited: 'always', unmetered: true },
  Enroll: { needs: 'nothing', audited: 'always' },
  GetPolicy: { needs: 'policy.read', unmetered: true },
  PutPolicy: { needs: 'policy.manage', audited: 'always', unmetered: true },
  Explain: { needs: 'policy.read' },
  WatchAudit: { needs: 'audit.read' },
  CreateNetwork: { needs: 'network.manage', audited: 'always' },
  ListNetworks: { needs: 'network.manage' },
  DropNetwork: { needs: 'network.manage', audited: 'always', unmetered: true },
} as const satisfies Readonly<Record<string, MethodRule>>;
/** The name of a method or of a request of system events. */
export type Method = keyof typeof METHODS;

/** The rule of a method. */
export function ruleOf(method: Method): MethodRule {
  return METHODS[method];
}

/** Whether a quota of calls counts and refuses a method. */
export function isMetered(method: Method): boolean {
  const { needs, shows, unmetered }: MethodRule = METHODS[method];
  return needs !== 'nothing' && !shows && !unmetered;
}
