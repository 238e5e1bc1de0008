import { describe, expect, it } from '@jest/globals';
import { proxyVariables } from '../../src/cli/proxy-variables.js';

const LOOPBACK = 'localhost,127.0.0.0/8,::1';

describe('the variables that lead gRPC through a proxy', () => {
  it('are none where no proxy is given', () => {
    expect(proxyVariables({ NO_PROXY: 'a.example', HTTPS_PROXY: '' })).toEqual({});
  });

  it('take HTTPS_PROXY, its lower-case name first, and never ask it for the machine itself', () => {
    const [upper, lower] = ['http://me:secret@proxy:3128', 'http://other:3128'];
    expect(proxyVariables({ HTTPS_PROXY: upper })).toEqual({ https_proxy: upper, no_grpc_proxy: LOOPBACK });
    expect(proxyVariables({ HTTPS_PROXY: upper, https_proxy: lower }).https_proxy).toBe(lower);
  });

  it.each([
    [{ NO_PROXY: 'a.example, ,b.example' }, 'a.example,b.example'],
    [{ NO_PROXY: 'a.example', no_proxy: 'b.example' }, 'b.example'],
    [{ no_proxy: 'b.example', no_grpc_proxy: 'c.example' }, 'c.example'],
  ])('go past it for the names of %j', (given, names) => {
    expect(proxyVariables({ HTTPS_PROXY: 'http://p:1', ...given }).no_grpc_proxy).toBe(`${names},${LOOPBACK}`);
  });
});
