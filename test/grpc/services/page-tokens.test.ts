import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import { ServerServiceService } from '../../../gen/switchyard/v1/server.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService } from '../../../gen/switchyard/v1/stream_service.js';
import { pageTokenOf } from '../../../src/grpc/services/page.js';
import { ADMIN_TOKEN, asAdmin, ask, type Method, type Running, refused, run } from '../running.js';

interface PageRequest {
  pageToken: string;
}

/** A method that lists in pages, with a request for its first page. */
interface PagedMethod {
  readonly name: string;
  readonly method: Method<PageRequest, unknown>;
  readonly request: PageRequest;
}

/** Every unary method whose request has a page token. */
function pagedMethods(): PagedMethod[] {
  const services = [SessionServiceService, NetworkServiceService, StreamServiceService, IdentityServiceService];
  return [...services, ServerServiceService].flatMap((service) =>
    Object.values(service).flatMap(
      (method: Method<PageRequest, unknown> & { requestDeserialize(bytes: Buffer): PageRequest }) => {
        const request = method.requestDeserialize(Buffer.alloc(0));
        return 'pageToken' in request ? [{ name: method.path.split('/')[2], method, request }] : [];
      },
    ),
  );
}

const LISTS = pagedMethods();

describe('the page token of another method', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ auth: 'open', 'admin-token': ADMIN_TOKEN });
  });
  afterAll(() => at.stop());

  it('is tried with every method that lists in pages', () => {
    const names = ['ListConnections', 'ListIdentities', 'ListSessions', 'ListStreams', 'ListTickets'];
    expect(LISTS.map(({ name }) => name).sort()).toEqual(names);
  });

  it.each(LISTS)('is refused by $name, which names both', async ({ name, method, request }) => {
    for (const other of LISTS.filter((each) => each.name !== name)) {
      const pageToken = pageTokenOf({ method: other.name, filter: {} }, 9);
      const refusal = await refused(ask(at, method, { ...request, pageToken }, asAdmin()));
      expect(refusal).toMatchObject({ reason: 'FIELD_INVALID', fields: ['page_token'] });
      expect(refusal.message).toContain(`a next_page_token of ${other.name}; this is ${name}`);
    }
    // Its own is taken.
    const pageToken = pageTokenOf({ method: name, filter: {} }, 9);
    await ask(at, method, { ...request, pageToken }, asAdmin());
  });
});
