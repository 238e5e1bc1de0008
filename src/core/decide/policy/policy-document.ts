import { Fault, type FieldViolation } from '../../model/fault.js';
import { ROLES } from '../../model/trust/identity.js';
import {
  GRANTED_PERMISSIONS,
  type GrantedPermission,
  PERMISSIONS,
  type Permission,
} from '../../model/trust/permission.js';
import {
  AUTH_MODES,
  type AuthMode,
  BINDINGS,
  type Binding,
  type ClaimRule,
  type Grant,
  type GrantParty,
  ISSUER_ALGORITHMS,
  type Issuer,
  type IssuerAlgorithm,
  POLICY_BOUNDS,
  type Policy,
  type PolicyTest,
  type PortRange,
  type RoleLimits,
  type Selector,
  type TrustDomain,
} from '../../model/trust/policy.js';
import { utf8Bytes } from '../check.js';
import { findJsonMistake } from './json-scan.js';
import { grantedPorts, hasPort, permits } from './permits.js';

type Json = Readonly<Record<string, unknown>>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SELECTORS = 'role:ROLE, label:KEY=VALUE, uuid:UUID, name:NAME and * are';
/** Mistakes that are told at once; a document of 256 KiB can have more than anybody reads. */
const VIOLATIONS_MAX = 64;
/** What a limit of a role may be: more than any limit of the core allows. */
const LIMIT_MAX = 1_000_000;

/** The limits of a role as a document calls them, each with the least and the most that it may be. */
const ROLE_LIMITS: Readonly<
  Record<string, { readonly as: keyof RoleLimits; readonly bounds: readonly [number, number] }>
> = {
  streams: { as: 'streams', bounds: [0, LIMIT_MAX] },
  connections: { as: 'connections', bounds: [0, LIMIT_MAX] },
  relayed_bytes_per_second: {
    as: 'relayedBytesPerSecond',
    bounds: [POLICY_BOUNDS.relayedBytesPerSecondMin, POLICY_BOUNDS.relayedBytesPerSecondMax],
  },
  calls_per_second: { as: 'callsPerSecond', bounds: [1, POLICY_BOUNDS.callsPerSecondMax] },
  relayed_bytes_per_month: { as: 'relayedBytesPerMonth', bounds: [0, POLICY_BOUNDS.relayedBytesPerMonthMax] },
  calls_per_month: { as: 'callsPerMonth', bounds: [0, POLICY_BOUNDS.callsPerMonthMax] },
};

const KEYS = ['auth', 'bindings', 'grants', 'limits', 'issuers', 'certificates', 'tests'];
/** OpenID Connect Discovery: https, without query and fragment. */
const ISSUER_URL = /^https:\/\/[^\s?#@/]+(\/[^\s?#]*)?$/;
const ISSUER_RULE = 'not the URL of an issuer: https://HOST, with a path if it has one, and no user, query or fragment';
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
/** A port, or a range of them. */
const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?$/;
const PORT_MAX = 65_535;
const DEFAULT_ALGORITHMS: readonly IssuerAlgorithm[] = ['RS256', 'ES256', 'EdDSA'];
/** What the header of an ID token says, or says nothing of. */
const DEFAULT_TYP = 'jwt';

/**
 * Reads a policy from its document. Refuses one with a mistake (POLICY_INVALID, each mistake with its place in the document), and
 * one whose own tests fail. The same document gives the same answer in every release, as stored commands depend on it.
 */
export function readPolicy(document: string): Policy | Fault {
  const { documentBytesMax } = POLICY_BOUNDS;
  const bytes = utf8Bytes(document);
  if (bytes > documentBytesMax) {
    return invalid([{ field: 'document', description: `${bytes} bytes; ${documentBytesMax} are the limit` }]);
  }
  const mistake = findJsonMistake(document);
  if (mistake !== undefined) {
    const { line, column, problem } = mistake;
    return invalid([{ field: 'document', description: `not JSON: line ${line}, column ${column}: ${problem}` }]);
  }
  const content: unknown = JSON.parse(document);
  const reader = new PolicyReader();
  const policy = reader.policy(content);
  if (reader.violations.length > 0) return invalid(reader.violations);
  return failedTests(policy) ?? policy;
}

function invalid(violations: readonly FieldViolation[]): Fault {
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join('; ');
  return new Fault('POLICY_INVALID', message, violations);
}

function failedTests(policy: Policy): Fault | undefined {
  const failed: FieldViolation[] = [];
  policy.tests.forEach(({ from, may, to, port, expect }, at) => {
    const isAllowed = permits(policy, from, may, to) && reaches(policy, from, to, port);
    const is = isAllowed ? 'allow' : 'deny';
    if (is !== expect && failed.length < VIOLATIONS_MAX) {
      failed.push({ field: `tests[${at}]`, description: `expects ${expect} of ${may}, and the policy says ${is}` });
    }
  });
  return failed.length === 0 ? undefined : invalid(failed);
}

function reaches(policy: Policy, from: GrantParty, to: GrantParty | undefined, port: number | undefined): boolean {
  const ports = to === undefined || port === undefined ? undefined : grantedPorts(policy, from, to);
  return port === undefined || ports === undefined || hasPort(ports, port);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= PORT_MAX;
}

/** Reads the parts of a document, and collects what is wrong with them. */
class PolicyReader {
  readonly violations: FieldViolation[] = [];

  policy(content: unknown): Policy {
    const { grantsMax, testsMax, issuersMax, trustDomainsMax } = POLICY_BOUNDS;
    const json = this.#object('document', content, KEYS);
    const auth = json.auth === undefined ? 'required' : this.#one<AuthMode>('auth', json.auth, AUTH_MODES);
    const bindings = this.#list('bindings', json.bindings ?? BINDINGS, BINDINGS.length, (place, one) =>
      this.#one<Binding>(place, one, BINDINGS),
    );
    if (bindings.length === 0) this.#wrong('bindings', `empty; ${BINDINGS.join(' and ')} are allowed`);
    const grants = this.#list('grants', json.grants ?? [], grantsMax, (place, one) => this.#grant(place, one));
    this.#portsInAll(grants);
    const limits = this.#limits(json.limits ?? {});
    const issuers = this.#list('issuers', json.issuers ?? [], issuersMax, (place, one) => this.#issuer(place, one));
    this.#each('issuers', issuers, ({ issuer }) => issuer);
    const certificates = this.#list('certificates', json.certificates ?? [], trustDomainsMax, (place, one) =>
      this.#trustDomain(place, one),
    );
    this.#each('certificates', certificates, ({ trustDomain }) => trustDomain);
    const tests = this.#list('tests', json.tests ?? [], testsMax, (place, one) => this.#test(place, one));
    return { auth, bindings, grants, limits, issuers, certificates, tests };
  }

  #grant(place: string, content: unknown): Grant {
    const json = this.#object(place, content, ['from', 'to', 'may', 'ports']);
    const ports = json.ports === undefined ? undefined : this.#ports(`${place}.ports`, json.ports);
    const all = ports === undefined ? GRANTED_PERMISSIONS : (['connection.ask'] as const);
    const side = (name: 'from' | 'to') => {
      const selectors = this.#list(`${place}.${name}`, json[name], POLICY_BOUNDS.selectorsMax, (at, one) =>
        this.#selector(at, one),
      );
      if (selectors.length === 0) this.#wrong(`${place}.${name}`, 'empty: such a grant grants nothing; * is everybody');
      return selectors;
    };
    const may = this.#list(`${place}.may`, json.may ?? all, GRANTED_PERMISSIONS.length, (at, one) =>
      this.#one<GrantedPermission>(at, one, all),
    );
    const grant = { from: side('from'), to: side('to'), may };
    return ports === undefined ? grant : { ...grant, ports };
  }

  #ports(place: string, content: unknown): PortRange[] {
    return this.#some(place, content, POLICY_BOUNDS.portsMax, (at, one) => {
      const [, from, to = from] = (typeof one === 'string' && PORTS.exec(one)) || [];
      const [first, last] = typeof one === 'number' ? [one, one] : [Number(from), Number(to)];
      if (isPort(first) && isPort(last) && first <= last) return { first, last };
      this.#wrong(at, `${shown(one)} is neither a port, 1 to ${PORT_MAX}, nor a range such as "8000-8999"`);
      return { first: 1, last: 1 };
    });
  }

  #portsInAll(grants: readonly Grant[]): void {
    const { portsInAllMax } = POLICY_BOUNDS;
    const count = grants.reduce((sum, { ports = [] }) => sum + ports.length, 0);
    if (count > portsInAllMax) {
      this.#wrong('grants', `${count} ports and ranges of ports in all; ${portsInAllMax} are the limit`);
    }
  }

  #selector(place: string, content: unknown): Selector {
    const text = typeof content === 'string' ? content : '';
    const [, by, what = ''] = /^(role|label|uuid|name):(.+)$/s.exec(text) ?? [];
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(what) ?? [];
    if (text === '*') return { by: 'all' };
    if (by === 'role') return { by, role: this.#one(place, what, ROLES) };
    if (by === 'uuid' && UUID.test(what.toLowerCase())) return { by, uuid: what.toLowerCase() };
    if (by === 'name') return { by, name: what };
    if (by === 'label' && key !== undefined && value !== undefined) return { by, key, value };
    this.#wrong(place, `${shown(content)} selects nobody; ${SELECTORS} selectors`);
    return { by: 'name', name: '' };
  }

  #limits(content: unknown): ReadonlyMap<string, RoleLimits> {
    const limits = new Map<string, RoleLimits>();
    for (const [role, one] of Object.entries(this.#object('limits', content, ROLES))) {
      const place = `limits.${role}`;
      const json = this.#object(place, one, Object.keys(ROLE_LIMITS));
      const read: { -readonly [Limit in keyof RoleLimits]: number } = {};
      for (const [key, { as, bounds }] of Object.entries(ROLE_LIMITS)) {
        if (json[key] !== undefined) read[as] = this.#count(`${place}.${key}`, json[key], bounds);
      }
      limits.set(role, read);
    }
    return limits;
  }

  #issuer(place: string, content: unknown): Issuer {
    const json = this.#object(place, content, ['issuer', 'audience', 'algorithms', 'typ', 'kind', 'roles']);
    const issuer = this.#word(`${place}.issuer`, json.issuer);
    if (!ISSUER_URL.test(issuer)) this.#wrong(`${place}.issuer`, ISSUER_RULE);
    const { audiencesMax, claimRulesMax } = POLICY_BOUNDS;
    const audience = this.#some(`${place}.audience`, json.audience, audiencesMax, (at, one) => this.#word(at, one));
    const wanted = json.algorithms ?? DEFAULT_ALGORITHMS;
    const algorithms = this.#some(`${place}.algorithms`, wanted, ISSUER_ALGORITHMS.length, (at, one) =>
      this.#one<IssuerAlgorithm>(at, one, ISSUER_ALGORITHMS),
    );
    const typ = json.typ === undefined ? DEFAULT_TYP : this.#word(`${place}.typ`, json.typ).toLowerCase();
    const kind = this.#one<Issuer['kind']>(`${place}.kind`, json.kind ?? 'person', ['person', 'service']);
    const roles = this.#list(`${place}.roles`, json.roles ?? [], claimRulesMax, (at, one) => this.#claimRule(at, one));
    return { issuer, audience, algorithms, typ, kind, roles };
  }

  #claimRule(place: string, content: unknown): ClaimRule {
    const json = this.#object(place, content, ['claim', 'has', 'give']);
    const path = typeof json.claim === 'string' ? [json.claim] : (json.claim ?? []);
    const claim = this.#list(`${place}.claim`, path, POLICY_BOUNDS.claimDepthMax, (at, one) => this.#word(at, one));
    if ((claim.length === 0) !== (json.has === undefined))
      this.#wrong(`${place}.has`, 'goes together with claim: both, or neither for everybody');
    const has = json.has === undefined ? '' : this.#word(`${place}.has`, json.has);
    return { claim, has, roles: this.#roles(`${place}.give`, json.give) };
  }

  #trustDomain(place: string, content: unknown): TrustDomain {
    const json = this.#object(place, content, ['trust_domain', 'give']);
    const trustDomain = this.#word(`${place}.trust_domain`, json.trust_domain);
    if (!TRUST_DOMAIN.test(trustDomain)) this.#wrong(`${place}.trust_domain`, 'a-z, 0-9, ., - and _ are allowed');
    return { trustDomain, roles: this.#roles(`${place}.give`, json.give) };
  }

  /** Roles that are given, each once. */
  #roles(place: string, content: unknown): string[] {
    return [...new Set(this.#some(place, content, ROLES.length, (at, one) => this.#one(at, one, ROLES)))];
  }

  /** A list that is not empty. */
  #some<T>(place: string, content: unknown, max: number, read: (place: string, one: unknown) => T): T[] {
    const list = this.#list(place, content, max, read);
    if (Array.isArray(content) && content.length === 0) this.#wrong(place, 'empty; at least one is needed');
    return list;
  }

  /** Each may be there once. */
  #each<T>(place: string, list: readonly T[], nameOf: (one: T) => string): void {
    const names = list.map(nameOf);
    names.forEach((name, at) => {
      if (names.indexOf(name) < at) this.#wrong(`${place}[${at}]`, `${shown(name)} is there twice`);
    });
  }

  /** A short text that is not empty. */
  #word(place: string, content: unknown): string {
    const text = this.#text(place, content);
    const { wordLengthMax } = POLICY_BOUNDS;
    if (typeof content === 'string' && (text === '' || text.length > wordLengthMax))
      this.#wrong(place, `${text.length} characters; 1 to ${wordLengthMax} are allowed`);
    return text;
  }

  #test(place: string, content: unknown): PolicyTest {
    const json = this.#object(place, content, ['from', 'may', 'to', 'port', 'expect']);
    const may = this.#one<Permission>(`${place}.may`, json.may, PERMISSIONS);
    const to = json.to === undefined ? undefined : this.#party(`${place}.to`, json.to);
    const granted: readonly string[] = GRANTED_PERMISSIONS;
    if (granted.includes(may) && to === undefined)
      this.#wrong(`${place}.to`, `${may} is granted for a target; name one`);
    const expect = this.#one<'allow' | 'deny'>(`${place}.expect`, json.expect, ['allow', 'deny']);
    const test = { from: this.#party(`${place}.from`, json.from), may, to, expect };
    return json.port === undefined ? test : { ...test, port: this.#testPort(place, json.port, may) };
  }

  #testPort(place: string, content: unknown, may: Permission): number {
    if (may !== 'connection.ask') this.#wrong(`${place}.port`, `only with connection.ask; ${may} is for no port`);
    if (typeof content === 'number' && isPort(content)) return content;
    this.#wrong(`${place}.port`, `${shown(content)}; 1 to ${PORT_MAX} are allowed`);
    return 1;
  }

  #party(place: string, content: unknown): GrantParty {
    const json = this.#object(place, content, ['roles', 'labels', 'uuid', 'name']);
    const roles = this.#list(`${place}.roles`, json.roles ?? [], ROLES.length, (at, one) => this.#one(at, one, ROLES));
    const labels: [string, string][] = [];
    for (const [key, value] of Object.entries(this.#object(`${place}.labels`, json.labels ?? {}))) {
      labels.push([key, this.#text(`${place}.labels[${JSON.stringify(key)}]`, value)]);
    }
    const uuid = this.#text(`${place}.uuid`, json.uuid ?? '').toLowerCase();
    return { roles, labels: Object.fromEntries(labels), uuid, name: this.#text(`${place}.name`, json.name ?? '') };
  }

  /** An object; with `known`, one that has no other keys. */
  #object(place: string, content: unknown, known?: readonly string[]): Json {
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      this.#wrong(place, `${shown(content)} is not an object`);
      return {};
    }
    for (const key of Object.keys(content)) {
      if (known === undefined || known.includes(key)) continue;
      this.#wrong(place === 'document' ? key : `${place}.${key}`, `no such key; ${known.join(', ')} are`);
    }
    return content as Json;
  }

  #list<T>(place: string, content: unknown, max: number, read: (place: string, one: unknown) => T): T[] {
    if (!Array.isArray(content)) {
      this.#wrong(place, `${shown(content)} is not a list`);
      return [];
    }
    if (content.length > max) this.#wrong(place, `${content.length}; ${max} are the limit`);
    return content.slice(0, max).map((one, at) => read(`${place}[${at}]`, one));
  }

  #one<T extends string>(place: string, content: unknown, allowed: readonly T[]): T {
    const found = allowed.find((one) => one === content);
    if (found === undefined) this.#wrong(place, `${shown(content)}; ${allowed.join(', ')} are allowed`);
    return found ?? allowed[0];
  }

  #text(place: string, content: unknown): string {
    if (typeof content === 'string') return content;
    this.#wrong(place, `${shown(content)} is not a string`);
    return '';
  }

  #count(place: string, content: unknown, [min, max]: readonly [number, number]): number {
    if (typeof content === 'number' && Number.isInteger(content) && content >= min && content <= max) return content;
    this.#wrong(place, `${shown(content)}; ${min} to ${max} are allowed`);
    return min;
  }

  #wrong(field: string, description: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ field, description });
  }
}

/** A value of the document, short enough to be told. */
function shown(content: unknown): string {
  const text = content === undefined ? 'nothing' : JSON.stringify(content);
  return text.length > 48 ? `${text.slice(0, 48)}…` : text;
}
