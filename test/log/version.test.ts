import { describe, expect, it } from '@jest/globals';
import { checkVersion } from '../../src/log/etcd/version.js';

describe('the version of etcd', () => {
  it.each(['3.4.22', '3.4.23', '3.4.37', '3.5.6', '3.5.21', '3.6.0', '4.0.0'])('%s is taken', (version) => {
    expect(() => checkVersion(version)).not.toThrow();
  });

  it.each(['3.4.21', '3.5.0', '3.5.5', '3.3.27', '2.3.8', '3.4', 'unknown', ''])('%j is refused', (version) => {
    expect(() => checkVersion(version)).toThrow('may lose what it has acknowledged');
  });
});
