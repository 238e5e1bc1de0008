import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { asAdmin, ask, Reading, type Running, run } from './running.js';

/** ServerReflectionRequest with list_services, field 7, as its only one. */
const LIST_SERVICES = Buffer.from([0x3a, 0x00]);

describe('reflection', () => {
  let at: Running | undefined;
  afterEach(() => at?.stop());

  /** Asks for the list of services by a version of it: what it answered, or the status with which it refused. */
  async function listed(one: Running, version: string): Promise<'services' | status> {
    const raw = (bytes: Buffer) => bytes;
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const call = one.client.makeBidiStreamRequest<Buffer, Buffer>(path, raw, raw);
    const reading = new Reading<Buffer>(call as never);
    call.write(LIST_SERVICES);
    try {
      const answer = await reading.next();
      expect(answer.toString('latin1')).toContain('switchyard.v1.SessionService');
      return 'services';
    } catch (error) {
      return (error as { readonly code: status }).code;
    } finally {
      call.cancel();
    }
  }

  const put = (one: Running, document: string) =>
    ask(one, Identities.putPolicy, { document, validateOnly: false, ifRevision: undefined }, asAdmin());

  it.each(['v1', 'v1alpha'])(
    '%s is off while proofs are required, also where the mode becomes so later',
    async (version) => {
      at = await run({ auth: 'open' });
      expect(await listed(at, version)).toBe('services');
      await put(at, '{}');
      expect(await listed(at, version)).toBe(status.UNIMPLEMENTED);
      await put(at, '{"auth":"open"}');
      expect(await listed(at, version)).toBe('services');
    },
  );

  it.each(['v1', 'v1alpha'])(
    '%s ends a call that was open before proofs were required, at its next request',
    async (version) => {
      at = await run({ auth: 'open' });
      const raw = (bytes: Buffer) => bytes;
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const call = at.client.makeBidiStreamRequest<Buffer, Buffer>(path, raw, raw);
      const reading = new Reading<Buffer>(call as never);
      call.write(LIST_SERVICES);
      expect((await reading.next()).toString('latin1')).toContain('switchyard.v1.SessionService');
      await put(at, '{}');
      for (let sent = 0; sent < 3; sent++) call.write(LIST_SERVICES);
      await expect(reading.next()).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
    },
  );

  it('is off from the start of a server that requires proofs, and on with --reflection', async () => {
    at = await run({ auth: 'required' });
    expect(await listed(at, 'v1')).toBe(status.UNIMPLEMENTED);
    await at.stop();
    at = await run({ auth: 'required', reflection: 'true' });
    expect(await listed(at, 'v1')).toBe('services');
  });
});
