import { afterAll, describe, expect, it } from '@jest/globals';
import { SshJump } from '../../../harness/bench/paths/ssh-jump.js';
import { NatNetwork } from '../../../harness/nat/network.js';
import { lacksSsh } from '../../cli/servers/sshd.js';

const BYTES = 1_048_576;
const TEST_MS = 60_000;
const lacks = lacksSsh() ?? NatNetwork.lacks();
if (lacks) process.stderr.write(`not checked: a copy by ssh -J in namespaces: ${lacks}\n`);

afterAll(() => NatNetwork.removeAll());

(lacks ? describe.skip : describe)('a copy by ssh -J', () => {
  it(
    'goes over the daemon at the place of the server, and by no other way',
    async () => {
      const network = await NatNetwork.make({ routers: { a: 'none', b: 'none' } });
      const ssh = await SshJump.start(network, 'b');
      try {
        network.separate(true);
        expect(await ssh.copy('a', BYTES)).toBeGreaterThan(0);
      } finally {
        await ssh.stop();
        network.remove();
      }
    },
    TEST_MS,
  );
});
