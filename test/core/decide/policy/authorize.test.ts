import { describe, expect, it } from '@jest/globals';
import { authorize, type Subject } from '../../../../src/core/decide/policy/authorize.js';
import { PERMISSIONS } from '../../../../src/core/model/trust/permission.js';
import { stricter } from '../../../../src/core/model/trust/policy.js';
import type { Principal } from '../../../../src/core/model/trust/principal.js';
import { party, policyOf } from './parties.js';

describe('authorize', () => {
  const policy = policyOf({ grants: [{ from: ['role:client'], to: ['role:agent'] }] });
  const subject = (roles: readonly string[], isAdministrator = false): Subject => {
    const principal: Principal = { network: 'default', identityUuid: 'u', kind: 1, roles, via: 'session' };
    return { principal, party: party({ uuid: 'u', roles }), isAdministrator };
  };
  const nobody: Subject = { principal: undefined, party: undefined, isAdministrator: false };

  it('lets everybody do in open and observe what was free, and wants the administrator for the rest', () => {
    for (const mode of ['open', 'observe'] as const) {
      for (const permission of PERMISSIONS) {
        const reason = authorize({ mode, policy }, nobody, permission)?.reason;
        const isFree = ['session.open', 'session.own', 'graph.read', 'connection.ask', 'stream.create'];
        expect(reason).toBe(isFree.includes(permission) ? undefined : 'ADMIN_REQUIRED');
      }
      expect(authorize({ mode, policy }, subject(['operator']), 'stream.stop')).toBeUndefined();
      expect(authorize({ mode, policy }, subject([]), 'stream.stop')?.reason).toBe('ADMIN_REQUIRED');
    }
  });

  it('wants in required somebody, with a role, with the permission, and names what is missing', () => {
    const access = { mode: 'required', policy } as const;
    expect(authorize(access, nobody, 'graph.read')).toMatchObject({
      reason: 'AUTH_REQUIRED',
      metadata: { permission: 'graph.read' },
    });
    expect(authorize(access, subject([]), 'graph.read')?.reason).toBe('AUTH_REQUIRED');
    expect(authorize(access, subject(['agent']), 'graph.read')).toMatchObject({
      reason: 'PERMISSION_DENIED',
      metadata: { permission: 'graph.read' },
    });
    expect(authorize(access, subject(['agent', 'observer']), 'graph.read')).toBeUndefined();
  });

  it('asks the grants for each target, also of an administrator', () => {
    const access = { mode: 'required', policy } as const;
    const agent = party({ roles: ['agent'] });
    expect(authorize(access, subject(['client']), 'connection.ask', agent)).toBeUndefined();
    expect(authorize(access, subject(['client']), 'connection.ask', party())?.reason).toBe('PERMISSION_DENIED');
    expect(authorize(access, { ...nobody, isAdministrator: true }, 'connection.ask', agent)?.reason).toBe(
      'PERMISSION_DENIED',
    );
    expect(authorize(access, { ...nobody, isAdministrator: true }, 'identity.manage')).toBeUndefined();
  });

  it('knows which of two modes is the stricter', () => {
    expect(stricter('open', 'observe')).toBe('observe');
    expect(stricter('required', 'observe')).toBe('required');
  });
});
