import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../src/config/config.js';
import { nameOfMachine } from '../../../src/server/storage/machine-name.js';

describe('the name of a server that was given none', () => {
  it("is its machine's", () => {
    expect(nameOfMachine('edge-1.example.net')).toBe('edge-1.example.net');
  });

  it.each(['büro-1', 'my server', '-x', 'a/b', ''])('is asked for where the machine is called %j', (hostName) => {
    expect(() => nameOfMachine(hostName)).toThrow(ConfigError);
    expect(() => nameOfMachine(hostName)).toThrow(
      /^this machine is called .*: give the server a --name, which has 1 to 253/,
    );
  });
});
