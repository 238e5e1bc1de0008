import { AddressSet } from '../../src/admission/address-set.js';
import { Admission, type AdmissionDeps } from '../../src/admission/admission.js';
import type { Clock } from '../../src/base/clock.js';
import { systemRandom } from '../../src/client/system.js';

/** An admission that exempts nobody, trusts no proxy and logs nothing, unless it is told otherwise. */
export function openAdmission(clock: Clock, deps: Partial<AdmissionDeps> = {}): Admission {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  return new Admission({
    clock,
    log,
    random: systemRandom,
    exempt: AddressSet.NONE,
    proxies: AddressSet.NONE,
    ...deps,
  });
}
