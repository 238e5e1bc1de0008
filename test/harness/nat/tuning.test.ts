import { afterAll, describe, expect, it } from '@jest/globals';
import { firstLineOf, NatNetwork } from '../../../harness/nat/network.js';

const TEST_MS = 60_000;
const lacks = NatNetwork.lacks();
if (lacks) process.stderr.write(`not checked: how the kernel is set in namespaces: ${lacks}\n`);

afterAll(() => NatNetwork.removeAll());

(lacks ? describe.skip : describe)('a host of the NAT network', () => {
  it(
    'has the windows and the congestion control that it was given',
    async () => {
      const network = await NatNetwork.make({ routers: { a: 'none' } });
      const said = (...argv: string[]) =>
        firstLineOf(network.spawn('a', argv, { stdio: ['ignore', 'pipe', 'inherit'] }));
      network.tune('tcp_wmem', '4096 131072 67108864');
      network.controlCongestion('cubic');
      expect(await said('cat', '/proc/sys/net/ipv4/tcp_wmem')).toMatch(/\s67108864$/);
      expect(await said('ip', 'route', 'show', 'default')).toMatch(/ congctl cubic\b/);
      network.remove();
    },
    TEST_MS,
  );
});
