import type { Reason } from '../../src/core/model/fault.js';
import { ROLES, type Role } from '../../src/core/model/trust/identity.js';
import {
  METHODS,
  type Method,
  type MethodRule,
  type Permission,
  ROLE_PERMISSIONS,
} from '../../src/core/model/trust/permission.js';

const BEGIN = '<!-- begin permissions: made from src/core/model/trust/permission.ts, not by hand -->';
const END = '<!-- end permissions -->';

/** What a role may do with a method: with everything, with its own, as a grant of the policy says, or nothing. */
export type Cell = 'all' | 'own' | 'grant' | 'none';

/** What the table says of a role and a method. */
export function cellOf(role: Role, method: Method): Cell {
  const { needs, others, granted }: MethodRule = METHODS[method];
  const has = (permission: Permission) => ROLE_PERMISSIONS[role].includes(permission);
  if (others !== undefined && has(others)) return 'all';
  const begins = needs === 'nothing' || needs === 'principal' || has(needs);
  if (!begins) return 'none';
  if (granted !== undefined) return 'grant';
  return others === undefined ? 'all' : 'own';
}

/**
 * What a caller of another network gets of each method, whatever its roles, when it names what is there: how that is refused, exactly as
 * what never was; `own`: the method is about the caller's own network whatever the request says.
 */
export const FOREIGN = {
  Session: 'AUTH_REQUIRED',
  Attach: 'own',
  KeepAlive: 'own',
  Answer: 'ORDER_NOT_FOUND',
  TerminateSession: 'SESSION_NOT_FOUND',
  GetSession: 'SESSION_NOT_FOUND',
  ListSessions: 'own',
  WatchSessions: 'own',

  DirectConnection: 'NODE_NOT_FOUND',
  ReportLink: 'NODE_NOT_FOUND',
  GetNode: 'NODE_NOT_FOUND',
  FindPath: 'NODE_NOT_FOUND',
  WatchNetworkDelta: 'own',
  WatchEndpointClosed: 'own',
  GetConnection: 'CONNECTION_NOT_FOUND',
  ListConnections: 'own',
  WatchConnections: 'own',

  CreateStream: 'NODE_NOT_FOUND',
  UpdateStreamParams: 'STREAM_NOT_FOUND',
  TerminateStream: 'STREAM_NOT_FOUND',
  StopStream: 'own',
  GetStream: 'STREAM_NOT_FOUND',
  ListStreams: 'own',
  WatchStreams: 'own',
  Relay: 'STREAM_NOT_FOUND',
  Open: 'STREAM_NOT_FOUND',

  EnumerateTransport: 'own',
  Exchange: 'own',
  GetServer: 'own',
  ListServers: 'own',

  Challenge: 'own',
  Login: 'own',
  WhoAmI: 'own',
  RotateKey: 'own',
  GetIdentity: 'IDENTITY_NOT_FOUND',
  ListIdentities: 'own',
  UpdateIdentity: 'IDENTITY_NOT_FOUND',
  BindKey: 'own',
  ForgetKey: 'IDENTITY_NOT_FOUND',
  RevokeIdentity: 'own',
  IssueTicket: 'own',
  ListTickets: 'own',
  RevokeTicket: 'TICKET_NOT_FOUND',
  Enroll: 'own',
  GetPolicy: 'own',
  PutPolicy: 'own',
  Explain: 'own',
  WatchAudit: 'PERMISSION_DENIED',
  CreateNetwork: 'PERMISSION_DENIED',
  ListNetworks: 'PERMISSION_DENIED',
  DropNetwork: 'PERMISSION_DENIED',
} as const satisfies Readonly<Record<Method, Reason | 'own'>>;

/** Methods whose request brings the proof of who asks; those of the tests bring none. */
const WITHOUT_PROOF: readonly Method[] = ['Login', 'RotateKey', 'Enroll'];

/**
 * How a role is refused what never was, by a request of the tests; undefined where it is answered. A refusal for any other cause hides
 * whether the target was looked up at all.
 */
export function refusalOfAbsent(role: Role, method: Method): Reason | undefined {
  const cell = cellOf(role, method);
  if (method === 'Session') return 'AUTH_REQUIRED';
  if (cell === 'none') return ['Attach', 'KeepAlive'].includes(method) ? 'SESSION_TOKEN_MISSING' : 'PERMISSION_DENIED';
  if (WITHOUT_PROOF.includes(method)) return 'FIELD_INVALID';
  if (cell === 'own' && method === 'GetIdentity') return 'PERMISSION_DENIED';
  // Who reads the graph knows whether the session is there.
  const isReader = ROLE_PERMISSIONS[role].includes('graph.read');
  if (cell === 'own' && method === 'TerminateSession' && isReader) return 'PERMISSION_DENIED';
  // An operator's tickets are its own; that of another is as one that never was.
  if (role === 'operator' && method === 'RevokeTicket') return 'PERMISSION_DENIED';
  const refusal = FOREIGN[method];
  return refusal === 'own' ? undefined : refusal;
}

const MARKS: Readonly<Record<Cell, string>> = { all: '✓', own: 'own', grant: 'grant', none: '' };

function table(): string {
  const rows = (Object.keys(METHODS) as Method[]).map((method) => {
    const { needs, others, granted }: MethodRule = METHODS[method];
    const needed = needs === 'nothing' ? 'nothing' : needs === 'principal' ? 'any principal' : `\`${needs}\``;
    const more = others === undefined ? '' : `; of others \`${others}\``;
    const grant = granted === undefined ? '' : `; \`${granted}\` with each target`;
    const cells = ROLES.map((role) => MARKS[cellOf(role, method)]);
    const foreign = FOREIGN[method] === 'own' ? 'own network' : `\`${FOREIGN[method]}\``;
    return `| ${method} | ${needed}${more}${grant} | ${cells.join(' | ')} | ${foreign} |`;
  });
  const head = [
    `| method | needs | ${ROLES.join(' | ')} | of another network |`,
    `|---|---|${ROLES.map(() => '---|').join('')}---|`,
  ];
  return [...head, ...rows].join('\n');
}

/** The document with its table as the code has it now. */
export function refreshed(document: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the document has no part for the permissions');
  return `${document.slice(0, from + BEGIN.length)}\n\n${table()}\n\n${document.slice(to)}`;
}
