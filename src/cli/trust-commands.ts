import type { Command } from 'commander';
import { examples } from './examples.js';
import type { Surroundings } from './surroundings.js';

/** The commands about the certificate that a server makes for itself. They load their code only when they run. */
export function addCertificates(program: Command, surroundings: Surroundings): void {
  const cert = program
    .command('cert')
    .description('Look at the certificates that a server made for itself, in its data folder.');
  const onFolder = (name: string, description: string) =>
    cert
      .command(name)
      .description(description)
      .option('--data <DIR>', "the data folder (SWITCHYARD_DATA; default: the one in the user's data directory)");
  onFolder('show', 'Print the pin by which clients know the server, its names, and until when it is good.')
    .option('--json', 'one JSON object')
    .addHelpText('after', examples('switchyard cert show', 'switchyard cert show --json | jq -r .pin'))
    .action(async (flags) => (await import('./certificates.js')).showCertificates(flags, surroundings));
  onFolder('export', "Print the authority's certificate, PEM, for clients in other languages.")
    .addHelpText('after', examples('switchyard cert export > authority.pem'))
    .action(async (flags) => (await import('./certificates.js')).exportCertificate(flags, surroundings));
}
