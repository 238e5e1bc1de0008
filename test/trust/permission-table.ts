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

const MARKS: Readonly<Record<Cell, string>> = { all: '✓', own: 'own', grant: 'grant', none: '' };

function table(): string {
  const rows = (Object.keys(METHODS) as Method[]).map((method) => {
    const { needs, others, granted }: MethodRule = METHODS[method];
    const needed = needs === 'nothing' ? 'nothing' : needs === 'principal' ? 'any principal' : `\`${needs}\``;
    const more = others === undefined ? '' : `; of others \`${others}\``;
    const grant = granted === undefined ? '' : `; \`${granted}\` with each target`;
    const cells = ROLES.map((role) => MARKS[cellOf(role, method)]);
    return `| ${method} | ${needed}${more}${grant} | ${cells.join(' | ')} |`;
  });
  const head = [`| method | needs | ${ROLES.join(' | ')} |`, `|---|---|${ROLES.map(() => '---|').join('')}`];
  return [...head, ...rows].join('\n');
}

/** The document with its table as the code has it now. */
export function refreshed(document: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the document has no part for the permissions');
  return `${document.slice(0, from + BEGIN.length)}\n\n${table()}\n\n${document.slice(to)}`;
}
