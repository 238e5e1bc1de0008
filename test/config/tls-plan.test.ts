import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config/config.js';
import { tlsPlan } from '../../src/config/tls-plan.js';

const none = { source: 'none', grpc: false, console: false, web: false, metrics: false };
const files = { 'tls-cert': 'c.pem', 'tls-key': 'k.pem' };
const near = { 'console-listen': '127.0.0.1:1', 'metrics-listen': '127.0.0.1:2' };

/** What was asked for, and which ports speak TLS by it. */
const CASES = [
  ['nothing', {}, none],
  ['ports on loopback', near, none],
  ['gRPC beyond loopback', { listen: '0.0.0.0:1', ...near }, { ...none, source: 'own', grpc: true }],
  ['the same in plain text', { listen: '0.0.0.0:1', 'allow-plaintext': true }, none],
  ['the console beyond loopback', { 'console-listen': '[::]:1' }, { ...none, source: 'own', console: true }],
  [
    'the same with --allow-plaintext, which is not for browsers',
    { 'console-listen': '[::]:1', 'allow-plaintext': true },
    { ...none, source: 'own', console: true },
  ],
  ['web clients beyond loopback', { 'web-listen': '0.0.0.0:1' }, { ...none, source: 'own', web: true }],
  ['metrics beyond loopback', { 'metrics-listen': '0.0.0.0:1' }, { ...none, source: 'own', metrics: true }],
  ['the same in plain text', { 'metrics-listen': '0.0.0.0:1', 'allow-plaintext': true }, none],
  ['system events over TLS', { 'system-tls-listen': '127.0.0.1:1' }, { ...none, source: 'own', grpc: true }],
  ['a certificate', { ...files, ...near }, { source: 'files', grpc: true, console: true, web: false, metrics: false }],
  [
    'a certificate, and metrics beyond loopback',
    { ...files, 'metrics-listen': '0.0.0.0:1' },
    { source: 'files', grpc: true, console: false, web: false, metrics: true },
  ],
  ['plain system events beyond loopback', { 'system-tcp-listen': '0.0.0.0:1' }, none],
] as const;

describe('which ports speak TLS', () => {
  it.each(CASES)('with %s %j', (_, flags, plan) => {
    const base = { env: {}, platform: 'linux', home: '/home/me', readFile: () => '' } as const;
    expect(tlsPlan(readConfig({ ...base, flags: { data: '/somewhere', ...flags } }))).toEqual(plan);
  });
});
