import { readPolicy } from '../../../src/core/decide/policy/policy-document.js';
import { Fault } from '../../../src/core/model/fault.js';
import { IdentityKind } from '../../../src/core/model/trust/identity.js';
import { CallMeter } from '../../../src/replica/access/call-meter.js';
import { MonthUse } from '../../../src/replica/access/month-use.js';

/** A meter at which all callers are one identity with these limits, while no time passes. */
export function meterOfOne(limits: object): CallMeter {
  const policy = readPolicy(JSON.stringify({ limits: { client: limits } }));
  if (policy instanceof Fault) throw new Error(policy.message);
  const identityUuid = '00000000-0000-4000-8000-000000000001';
  const clock = { wallMs: () => 0, after: () => ({ cancel: () => {} }) };
  return new CallMeter({
    state: { policy: { document: '', revision: 1, policy } },
    clock: { nowMs: () => 0 },
    month: new MonthUse({ clock, store: undefined, drawKey: () => [1, 2], warn: () => {}, info: () => {} }).of(0),
    principal: () => ({
      ...{ network: 'default', identityUuid, kind: IdentityKind.INSTANCE },
      ...{ roles: ['client'], via: 'session' as const },
    }),
  });
}
