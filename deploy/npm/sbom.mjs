// What is in the published package, as a list for tools that look for known faults (CycloneDX 1.5). `npm sbom` cannot tell it: of an
// installed package it knows only what npm has installed beside it, and not what is in the bundles; of a checkout it lists all that tests take.
import { readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/**
 * The list of a package whose bundles are made of these folders (`node_modules/…`), and of what is installed with it, by the versions and
 * hashes of package-lock.json. It is the same for the same lock file.
 */
export function sbomOf(bundled) {
  const { name, version, license } = readJson('package.json');
  const { packages } = readJson('package-lock.json');
  const isBundled = new Set(bundled);
  const installed = Object.keys(packages).filter((folder) => folder !== '' && packages[folder].dev !== true);
  const folders = [...new Set([...bundled, ...installed])].sort();
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', ...known({ name, version, license }) } },
    components: folders.map((folder) => component(folder, packages[folder], isBundled.has(folder))),
  };
}

function component(folder, locked, isBundled) {
  if (locked?.integrity === undefined) throw new Error(`package-lock.json has no hash of ${folder}`);
  const [algorithm, hash] = locked.integrity.split('-');
  if (algorithm !== 'sha512') throw new Error(`package-lock.json has a hash of ${folder} that is ${algorithm}`);
  return {
    type: 'library',
    ...known({ name: folder.split('node_modules/').at(-1), ...locked }),
    scope: locked.optional === true && !isBundled ? 'optional' : 'required',
    hashes: [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }],
    properties: [{ name: 'switchyard:bundled', value: String(isBundled) }],
  };
}

/** What is said of every package alike. */
function known({ name, version, license }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const licences = license === undefined ? {} : { licenses: [licenceOf(license)] };
  return { 'bom-ref': purl, name, version, purl, ...licences };
}

function licenceOf(license) {
  return /[ ()]/.test(license) ? { expression: license } : { license: { id: license } };
}

function readJson(path) {
  return JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'));
}
