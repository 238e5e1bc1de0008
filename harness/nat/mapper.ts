import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFolder } from './run-folder.js';

/**
 * What Debian's miniupnpd needs in a router that grants mappings: chains that it fills. Packets that it lets in are accepted by the router's
 * own filter, which lets in what was translated.
 */
export const MAPPER_RULES = `
table inet mapper {
  chain forward { type filter hook forward priority 0; jump mapped; }
  chain mapped { }
  chain prerouting { type nat hook prerouting priority -100; jump mapped_in; }
  chain mapped_in { }
  chain postrouting { type nat hook postrouting priority 100; jump mapped_out; }
  chain mapped_out { }
}`;

/** It will not map ports of an address that is not public, as those of the test network are; nobody looks at this one. */
const PUBLIC = '11.0.0.1';

/** What runs in a router that answers NAT-PMP. */
export function mapperArgv(site: string): string[] {
  const path = join(runFolder(), `miniupnpd-${site}.conf`);
  writeFileSync(path, CONFIG.join('\n'));
  return ['miniupnpd', '-d', '-f', path, '-P', join(runFolder(), `miniupnpd-${site}.pid`)];
}

/** Whether this machine has it. */
export function hasMapper(): boolean {
  return spawnSync('miniupnpd', ['--version']).error === undefined;
}

const CONFIG = [
  'ext_ifname=wan',
  `ext_ip=${PUBLIC}`,
  'listening_ip=lan',
  'enable_natpmp=yes',
  'enable_upnp=no',
  'secure_mode=yes',
  'upnp_table_name=mapper',
  'upnp_nat_table_name=mapper',
  'upnp_forward_chain=mapped',
  'upnp_nat_chain=mapped_in',
  'upnp_nat_postrouting_chain=mapped_out',
  'uuid=00000000-0000-4000-8000-000000000000',
  'allow 1024-65535 192.168.1.0/24 1024-65535',
  'deny 0-65535 0.0.0.0/0 0-65535',
  '',
];
