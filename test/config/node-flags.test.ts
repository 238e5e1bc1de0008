import { describe, expect, it } from '@jest/globals';
import { type NodeFlagSources, nodeFlags } from '../../src/config/node-flags.js';

const GIB = 1024 ** 3;

function flagsOf(given: Partial<NodeFlagSources>): string[] {
  const readFile = () => {
    throw new Error('no file was named');
  };
  return nodeFlags({ flags: {}, env: {}, platform: 'linux', home: '/', readFile, memoryBytes: 16 * GIB, ...given });
}

describe('the flags of node for a server', () => {
  it.each([
    [16 * GIB, 64],
    [GIB, 64],
    [GIB - 1, 32],
    [GIB / 4, 16],
    [GIB / 100, 1],
    [0, 1],
  ])('on a machine of %d bytes let half a young generation take %d MiB', (memoryBytes, mib) => {
    expect(flagsOf({ memoryBytes })).toEqual([`--max-semi-space-size=${mib}`]);
  });

  it.each<[string, Partial<NodeFlagSources>]>([
    ['the flag', { flags: { 'max-memory': '256MiB' } }],
    ['the environment', { env: { SWITCHYARD_MAX_MEMORY: '256MiB' } }],
    ['the config file', { flags: { config: 'yard.json' }, readFile: () => '{"max-memory": "256MiB"}' }],
  ])('bound both generations by --max-memory from %s', (_, given) => {
    expect(flagsOf(given)).toEqual(['--max-semi-space-size=16', '--max-old-space-size=160']);
  });

  it('leave those alone that NODE_OPTIONS gives, however they are written', () => {
    const flags = { 'max-memory': '256MiB' };
    const env = { NODE_OPTIONS: '--enable-source-maps --max_semi_space_size=4' };
    expect(flagsOf({ flags, env })).toEqual(['--max-old-space-size=160']);
    expect(flagsOf({ flags, env: { NODE_OPTIONS: '--max-old-space-size=99' } })).toEqual(['--max-semi-space-size=16']);
  });

  it.each(['much', '1MiB', '1025GiB', ''])('are those of a server without --max-memory when it is %j', (size) => {
    expect(flagsOf({ flags: { 'max-memory': size } })).toEqual(['--max-semi-space-size=64']);
  });
});
