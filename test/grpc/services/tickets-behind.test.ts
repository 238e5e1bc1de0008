import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import type { RevokeTicketRequest } from '../../../gen/switchyard/v1/identity.js';
import { Fault } from '../../../src/core/model/fault.js';
import type { Ticket } from '../../../src/core/model/trust/ticket.js';
import type { Backing } from '../../../src/grpc/backing.js';
import { Calls } from '../../../src/grpc/call-handlers.js';
import { revokeTicket } from '../../../src/grpc/services/tickets.js';
import { refusalOf } from '../running.js';

const ID = '0123456789abcdef';
const OPERATOR = 'the operator';

/** A server of several that has not applied a ticket yet, and does so when it is asked to be current; its caller is an operator. */
function behind(ticket: Partial<Ticket>) {
  const state = { revision: 1, epoch: 'e', tickets: { get: () => (state.revision > 1 ? ticket : undefined) } };
  const submitted: unknown[] = [];
  const backing = {
    replica: {
      currency: { isInTouch: true, current: async () => void state.revision++, reached: async () => undefined },
      state,
      submit: async (command: unknown) => {
        submitted.push(command);
        return new Fault('TICKET_NOT_FOUND', 'stops here');
      },
    },
    gatekeeper: {
      admit: () => undefined,
      may: () => false,
      refuse: () => new Fault('PERMISSION_DENIED', 'no administrator'),
      identityOf: () => OPERATOR,
      nameOf: () => OPERATOR,
      tokens: { find: () => undefined },
    },
    issuers: {},
    certificates: { accept: () => undefined },
    limits: {},
  } as unknown as Backing;
  const handler = new Calls(backing).anyone((request: RevokeTicketRequest, caller) =>
    revokeTicket(backing, request, caller),
  );
  const call = {
    request: { ticketId: ID, andIdentities: false },
    metadata: new Metadata(),
    getPath: () => '/switchyard.v1.IdentityService/RevokeTicket',
    getPeer: () => '192.0.2.1:7',
  };
  const reason = () =>
    new Promise((resolve) => {
      handler(call as never, (error) => resolve(refusalOf(error as ServiceError).reason));
    });
  return { reason, submitted };
}

describe('RevokeTicket of an operator at a server that has not applied the ticket yet', () => {
  it.each<[string, Partial<Ticket>]>([
    ['it makes administrators', { roles: ['admin'], forUuid: '', issuer: '' }],
    ['an administrator has issued it for one identity', { roles: [], forUuid: 'its', issuer: '' }],
  ])('stores nothing, and is refused once it is known that %s', async (_what, ticket) => {
    const { reason, submitted } = behind(ticket);
    expect(await reason()).toBe('PERMISSION_DENIED');
    expect(submitted).toEqual([]);
  });

  it('is stored once it is known that the operator has issued the ticket', async () => {
    const { reason, submitted } = behind({ roles: ['agent'], forUuid: 'its', issuer: OPERATOR });
    await reason();
    expect(submitted).toMatchObject([{ kind: 'RevokeTicket', id: ID }]);
  });
});
