import { describe, expect, it } from '@jest/globals';
import { isMetered, METHODS, type Method } from '../../../../src/core/model/trust/permission.js';

/**
 * Whether a quota of calls counts and refuses a method. `never`: a caller at its quota can always come back, give back what it holds, answer
 * what it is asked, and see and mend why it is refused, and keep its connections; bytes of relays have a quota of their own.
 */
const TABLE: Readonly<Record<Method, 'counted' | 'never'>> = {
  Session: 'never',
  Attach: 'never',
  KeepAlive: 'never',
  Answer: 'never',
  TerminateSession: 'never',
  GetSession: 'counted',
  ListSessions: 'counted',
  WatchSessions: 'counted',
  DirectConnection: 'counted',
  ReportLink: 'never',
  GetNode: 'counted',
  FindPath: 'counted',
  WatchNetworkDelta: 'counted',
  WatchEndpointClosed: 'counted',
  GetConnection: 'never',
  ListConnections: 'counted',
  WatchConnections: 'counted',
  CreateStream: 'counted',
  UpdateStreamParams: 'counted',
  TerminateStream: 'never',
  StopStream: 'never',
  GetStream: 'counted',
  ListStreams: 'counted',
  WatchStreams: 'counted',
  Relay: 'never',
  Open: 'never',
  EnumerateTransport: 'counted',
  Exchange: 'never',
  GetServer: 'never',
  ListServers: 'counted',
  Challenge: 'never',
  Login: 'never',
  WhoAmI: 'never',
  RotateKey: 'never',
  GetIdentity: 'counted',
  ListIdentities: 'counted',
  UpdateIdentity: 'counted',
  BindKey: 'counted',
  ForgetKey: 'never',
  RevokeIdentity: 'never',
  IssueTicket: 'counted',
  ListTickets: 'counted',
  RevokeTicket: 'never',
  Enroll: 'never',
  GetPolicy: 'never',
  PutPolicy: 'never',
  Explain: 'counted',
  WatchAudit: 'counted',
  CreateNetwork: 'counted',
  ListNetworks: 'counted',
  DropNetwork: 'never',
};

describe('the quota of calls', () => {
  it('has a row for each method, and no other', () => {
    expect(Object.keys(TABLE)).toEqual(Object.keys(METHODS));
  });

  it.each(Object.entries(TABLE) as [Method, string][])('of %s: %s', (method, how) => {
    expect(isMetered(method) ? 'counted' : 'never').toBe(how);
  });
});
