import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findJsonMistake } from '../../../../src/core/decide/policy/json-scan.js';
import { grantedPorts, permits } from '../../../../src/core/decide/policy/permits.js';
import { hardened } from '../../../../src/core/decide/policy/policy.js';
import { readPolicy } from '../../../../src/core/decide/policy/policy-document.js';
import { Fault } from '../../../../src/core/model/fault.js';
import { AUTH_MODES, foundingDocument, type GrantParty } from '../../../../src/core/model/trust/policy.js';
import { canonical } from '../../../../src/core/store/canonical.js';
import { capture, Restoring, rowsOf } from '../../../../src/core/store/snapshot.js';
import { Network } from '../../network.js';
import { party, policyOf } from './parties.js';

/** What is wrong with a document, by place. */
function wrongIn(document: unknown): Record<string, string> {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const refused = readPolicy(text);
  if (!(refused instanceof Fault)) throw new Error('the policy was not refused');
  expect(refused.reason).toBe('POLICY_INVALID');
  return Object.fromEntries(refused.violations.map(({ field, description }) => [field, description]));
}

describe('a policy', () => {
  it('is required when it does not say how callers are let in, and takes both bindings', () => {
    expect(policyOf({})).toEqual({
      auth: 'required',
      bindings: ['none', 'tls'],
      grants: [],
      limits: new Map(),
      issuers: [],
      certificates: [],
      tests: [],
    });
  });

  it('grants connections to some ports, those of all grants together, and to all ports where one grant names none', () => {
    const sides = { from: ['role:client'], to: ['role:agent'] };
    const [client, device] = [party({ roles: ['client'] }), party({ roles: ['agent'] })];
    const some = policyOf({
      grants: [
        { ...sides, ports: ['8000-8009', 22] },
        { ...sides, ports: ['8010-8020', '8005-8015'] },
        { ...sides, to: ['*'], may: ['stream.create'] },
        { from: ['role:agent'], to: ['*'], ports: [1] },
      ],
      tests: [
        { from: client, may: 'connection.ask', to: device, port: 22, expect: 'allow' },
        { from: client, may: 'connection.ask', to: device, port: 23, expect: 'deny' },
        { from: client, may: 'connection.ask', to: device, expect: 'allow' },
      ],
    });
    expect(grantedPorts(some, client, device)).toEqual([
      { first: 22, last: 22 },
      { first: 8_000, last: 8_020 },
    ]);
    expect(grantedPorts(policyOf({ grants: [{ ...sides, ports: [22] }, sides] }), client, device)).toBeUndefined();
    expect(grantedPorts(some, device, device)).toEqual([{ first: 1, last: 1 }]);
    expect(grantedPorts(some, client, client)).toEqual([]);
  });

  it('refuses ports that are none, and ports of what is for no port', () => {
    const sides = { from: ['*'], to: ['*'] };
    const refusal = 'is neither a port, 1 to 65535, nor a range such as "8000-8999"';
    expect(
      wrongIn({
        grants: [
          { ...sides, ports: [0, 65_536, '9-8', '1-', 22.5, '22'] },
          { ...sides, ports: [22], may: ['stream.create'] },
          { ...sides, ports: [] },
          { ...sides, ports: Array.from({ length: 17 }, (_, at) => at + 1) },
        ],
        tests: [{ from: {}, may: 'stream.create', to: {}, port: 70_000, expect: 'deny' }],
      }),
    ).toEqual({
      'grants[0].ports[0]': `0 ${refusal}`,
      'grants[0].ports[1]': `65536 ${refusal}`,
      'grants[0].ports[2]': `"9-8" ${refusal}`,
      'grants[0].ports[3]': `"1-" ${refusal}`,
      'grants[0].ports[4]': `22.5 ${refusal}`,
      'grants[1].may[0]': '"stream.create"; connection.ask are allowed',
      'grants[2].ports': 'empty; at least one is needed',
      'grants[3].ports': '17; 16 are the limit',
      'tests[0].port': '70000; 1 to 65535 are allowed',
    });
  });

  it('refuses more ports in all than one order can tell, since grants add up for a pair', () => {
    const grant = (at: number, count: number) => ({
      from: ['*'],
      to: ['*'],
      ports: Array.from({ length: count }, (_, index) => 1 + 2 * (at * 16 + index)),
    });
    const full = Array.from({ length: 64 }, (_, at) => grant(at, 16));
    const party = { uuid: '', name: '', roles: [], labels: {} };
    expect(grantedPorts(policyOf({ grants: full }), party, party)).toHaveLength(1_024);
    expect(wrongIn({ grants: [...full, grant(64, 1)] })).toEqual({
      grants: '1025 ports and ranges of ports in all; 1024 are the limit',
    });
  });

  it('takes ID tokens of the usual signatures from an issuer that says nothing else', () => {
    const roles = [{ claim: ['realm', 'roles'], has: 'ops', give: ['operator', 'operator'] }, { give: ['client'] }];
    const certificates = [{ trust_domain: 'fleet.example', give: ['agent'] }];
    const policy = policyOf({ issuers: [{ issuer: 'https://a.example/t', audience: ['x'], roles }], certificates });
    expect(policy.issuers).toEqual([
      {
        issuer: 'https://a.example/t',
        audience: ['x'],
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        typ: 'jwt',
        kind: 'person',
        roles: [
          { claim: ['realm', 'roles'], has: 'ops', roles: ['operator'] },
          { claim: [], has: '', roles: ['client'] },
        ],
      },
    ]);
    expect(policy.certificates).toEqual([{ trustDomain: 'fleet.example', roles: ['agent'] }]);
  });

  it('that a network is founded with lets clients reach agents and nobody else', () => {
    for (const mode of AUTH_MODES) {
      const policy = policyOf(JSON.parse(foundingDocument(mode)));
      expect(policy.auth).toBe(mode);
      const [client, agent] = [party({ roles: ['client'] }), party({ roles: ['agent'] })];
      expect(permits(policy, client, 'connection.ask', agent)).toBe(true);
      expect(permits(policy, client, 'stream.create', agent)).toBe(true);
      expect(permits(policy, agent, 'connection.ask', client)).toBe(false);
      expect(permits(policy, client, 'connection.ask', client)).toBe(false);
    }
  });

  it.each<[string, unknown, Record<string, string>]>([
    ['another mode', { auth: 'close' }, { auth: '"close"; open, observe, required are allowed' }],
    [
      'a key that there is not',
      { grant: [] },
      { grant: 'no such key; auth, bindings, grants, limits, issuers, certificates, tests are' },
    ],
    [
      'an issuer in plain text, without an audience, with a shared secret, and a rule that is half a rule',
      {
        issuers: [
          {
            issuer: 'http://login.example',
            algorithms: ['HS256'],
            kind: 'robot',
            roles: [{ claim: 'groups', give: [] }],
          },
        ],
      },
      {
        'issuers[0].issuer':
          'not the URL of an issuer: https://HOST, with a path if it has one, and no user, query or fragment',
        'issuers[0].audience': 'nothing is not a list',
        'issuers[0].algorithms[0]':
          '"HS256"; RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA are allowed',
        'issuers[0].kind': '"robot"; person, service are allowed',
        'issuers[0].roles[0].has': 'goes together with claim: both, or neither for everybody',
        'issuers[0].roles[0].give': 'empty; at least one is needed',
      },
    ],
    [
      'an issuer and a trust domain twice',
      {
        issuers: [
          { issuer: 'https://a.example', audience: ['x'] },
          { issuer: 'https://a.example', audience: ['y'] },
        ],
        certificates: [
          { trust_domain: 'a', give: ['agent'] },
          { trust_domain: 'a', give: ['agent'] },
          { trust_domain: 'A/b', give: ['root'] },
        ],
      },
      {
        'issuers[1]': '"https://a.example" is there twice',
        'certificates[1]': '"a" is there twice',
        'certificates[2].trust_domain': 'a-z, 0-9, ., - and _ are allowed',
        'certificates[2].give[0]': '"root"; agent, client, observer, operator, admin are allowed',
      },
    ],
    [
      '9 issuers',
      { issuers: Array.from({ length: 9 }, (_, n) => ({ issuer: `https://${n}`, audience: ['x'] })) },
      { issuers: '9; 8 are the limit' },
    ],
    ['no object', [], { document: '[] is not an object' }],
    ['no binding', { bindings: [] }, { bindings: 'empty; none and tls are allowed' }],
    [
      'a grant without sides, and a selector with a slip',
      { grants: [{ from: ['rol:agent', '*'], may: ['graph.read'] }] },
      {
        'grants[0].may[0]': '"graph.read"; connection.ask, stream.create are allowed',
        'grants[0].from[0]':
          '"rol:agent" selects nobody; role:ROLE, label:KEY=VALUE, uuid:UUID, name:NAME and * are selectors',
        'grants[0].to': 'empty: such a grant grants nothing; * is everybody',
      },
    ],
    [
      'a role that there is not',
      { limits: { pilot: {} } },
      { 'limits.pilot': 'no such key; agent, client, observer, operator, admin are' },
    ],
    [
      'a limit that is no number',
      { limits: { agent: { streams: -1 } } },
      { 'limits.agent.streams': '-1; 0 to 1000000 are allowed' },
    ],
    [
      'fewer bytes a second than one block needs',
      { limits: { agent: { relayed_bytes_per_second: 16_383 } } },
      { 'limits.agent.relayed_bytes_per_second': '16383; 16384 to 1000000000000 are allowed' },
    ],
    [
      'calls that are no whole number, none, or more of a month than any server does',
      { limits: { agent: { calls_per_second: 0.5, calls_per_month: 1e13 }, client: { calls_per_second: 0 } } },
      {
        'limits.agent.calls_per_second': '0.5; 1 to 1000000 are allowed',
        'limits.agent.calls_per_month': '10000000000000; 0 to 1000000000000 are allowed',
        'limits.client.calls_per_second': '0; 1 to 1000000 are allowed',
      },
    ],
    [
      'a test without a target',
      { tests: [{ from: {}, may: 'connection.ask', expect: 'deny' }] },
      { 'tests[0].to': 'connection.ask is granted for a target; name one' },
    ],
    [
      'too many grants',
      { grants: Array(1_001).fill({ from: ['*'], to: ['*'] }) },
      { grants: '1001; 1000 are the limit' },
    ],
    ['too many bytes', ' '.repeat(262_145), { document: '262145 bytes; 262144 are the limit' }],
  ])('with %s is refused, with its place', (_, document, wrong) => {
    const found = wrongIn(document);
    for (const [place, description] of Object.entries(wrong)) expect(found[place] ?? found).toContain(description);
  });

  it('that is no JSON is refused with the line and the column', () => {
    const places = {
      '{\n  "auth": open\n}': 'line 2, column 11: "o" stands where value is expected',
      '': 'line 1, column 1: it ends where value is expected',
      '{"auth": "open",}': 'line 1, column 17: } stands where key is expected',
      '{"auth": "open"} x': 'line 1, column 18: "x" stands where the end is expected',
      '{"auth": "open", "auth": "required"}': 'line 1, column 18: the key "auth" is there twice',
      '{"a" 1}': 'line 1, column 6: literal stands where : is expected',
      '[1, 2': 'line 1, column 6: it ends where , or ] is expected',
      [`${'['.repeat(33)}${']'.repeat(33)}`]: 'line 1, column 33: nested deeper than 32 levels',
    };
    for (const [document, place] of Object.entries(places))
      expect(wrongIn(document).document).toBe(`not JSON: ${place}`);
  });

  it('is read as JSON wherever JSON.parse reads it, but for a key that is there twice', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        expect(findJsonMistake(text)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[],:"\\ue1-.0 \ntrufalsn') }), (text) => {
        const isJson = () => {
          try {
            JSON.parse(text);
            return true;
          } catch {
            return false;
          }
        };
        const found = findJsonMistake(text);
        if (!found?.problem.endsWith('twice')) expect(found === undefined).toBe(isJson());
      }),
      { numRuns: 2_000 },
    );
  });

  it('whose own test fails is refused whole, and one whose tests pass is taken', () => {
    const grants = [{ from: ['label:site=Kiel'], to: ['name:boat-7'], may: ['connection.ask'] }];
    const test = (site: string, expected: string) => ({
      from: { labels: { site } },
      may: 'connection.ask',
      to: { name: 'boat-7' },
      expect: expected,
    });
    expect(wrongIn({ grants, tests: [test('Kiel', 'allow'), test('Oslo', 'allow')] })).toEqual({
      'tests[1]': 'expects allow of connection.ask, and the policy says deny',
    });
    expect(policyOf({ grants, tests: [test('Kiel', 'allow'), test('Oslo', 'deny')] }).tests).toHaveLength(2);
  });

  it('grants by what others said of an identity: role, label, UUID in any case, and name', () => {
    const uuid = '0000000A-0000-4000-8000-000000000001';
    const selects = (selector: string, one: GrantParty) =>
      permits(policyOf({ grants: [{ from: [selector], to: ['*'] }] }), one, 'stream.create', party());
    expect(selects('*', party())).toBe(true);
    expect(selects('role:agent', party({ roles: ['client', 'agent'] }))).toBe(true);
    expect(selects('role:agent', party({ roles: ['client'] }))).toBe(false);
    expect(selects('label:a=b=c', party({ labels: { a: 'b=c' } }))).toBe(true);
    expect(selects('label:constructor=x', party())).toBe(false);
    expect(selects(`uuid:${uuid}`, party({ uuid: uuid.toLowerCase() }))).toBe(true);
    expect(selects('name:boat', party({ name: 'boat' }))).toBe(true);
    expect(selects('name:boat', party({ name: 'ship' }))).toBe(false);
  });
});

describe('PutPolicy', () => {
  const put = (document: object, ifRevision?: number) =>
    ({
      kind: 'PutPolicy',
      document: JSON.stringify(document),
      ...(ifRevision === undefined ? {} : { ifRevision }),
    }) as const;

  it('gives the network another policy, which a snapshot keeps', () => {
    const network = new Network();
    expect(network.state.policy).toBeUndefined();
    const { revision } = network.apply(put({ auth: 'observe' }));
    expect(network.state.policy).toMatchObject({ revision, policy: { auth: 'observe' } });
    expect(network.wouldChange(put({ auth: 'observe' }))).toEqual([]);
    const restoring = new Restoring(network.state.limits);
    for (const row of rowsOf(capture(network.state))) restoring.add(row);
    expect(canonical(restoring.state)).toBe(canonical(network.state));
  });

  it('takes the place of the policy of one revision only, where that is asked for', () => {
    const network = new Network();
    const first = network.apply(put({ auth: 'open' }, 0)).revision;
    expect(network.refused(put({}, 0))).toMatchObject({
      reason: 'OUT_OF_ORDER',
      metadata: { revision: String(first) },
    });
    network.apply(put({}, first));
    expect(network.refused(put({ auth: 'x' })).reason).toBe('POLICY_INVALID');
    expect(network.state.policy?.policy.auth).toBe('required');
  });

  it('is what the first ticket of a network without a policy comes to', () => {
    const network = new Network();
    expect(hardened(network.state, 7)).toMatchObject([
      { kind: 'PolicyPut', policy: { revision: 7, policy: { auth: 'required' } } },
    ]);
    network.apply(put({ auth: 'open' }));
    expect(hardened(network.state, 8)).toEqual([]);
  });
});
