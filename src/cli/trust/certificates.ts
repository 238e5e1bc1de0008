import type { X509Certificate } from 'node:crypto';
import { parseAddress } from '../../base/address.js';
import { asError } from '../../base/errors.js';
import { findPinnedRoot, PinMismatchError } from '../../client/index.js';
import { defaultDataFolder } from '../../config/config.js';
import {
  makeNextAuthority,
  nextMadeAtMs,
  pinOfKey,
  readAuthorityKeys,
  useNextAuthority,
} from '../../server/certificates/authority-keys.js';
import { readAuthority, readLeaf } from '../../server/certificates/own-certificates.js';
import { readListening } from '../../server/listening-file.js';
import { formatPin, pinOf } from '../../trust/pin.js';
import { confirm } from '../confirm.js';
import { Failure, type Surroundings } from '../surroundings.js';

/** Which folder, and in what form. */
export interface CertificateFlags {
  readonly data?: string;
  readonly json?: boolean;
}

/** Prints by what clients know the server of a data folder, and until when its certificates are good. */
export async function showCertificates(flags: CertificateFlags, surroundings: Surroundings): Promise<void> {
  const folder = folderOf(flags, surroundings);
  const authority = authorityOf(folder);
  const leaf = readLeaf(folder);
  const facts = {
    pin: formatPin(pinOf(authority)),
    nextPin: nextPinOf(folder),
    authority: { subject: authority.subject, validUntil: timeOf(authority) },
    server: leaf && { names: namesOf(leaf), validUntil: timeOf(leaf) },
  };
  const { out } = surroundings.terminal;
  if (flags.json) return out.json(facts);
  await out.writeLines([
    `pin        ${facts.pin}`,
    ...(facts.nextPin === undefined ? [] : [`next pin   ${facts.nextPin}`]),
    `authority  ${facts.authority.subject}, until ${facts.authority.validUntil}`,
    ...(facts.server === undefined ? [] : [`server     until ${facts.server.validUntil}, renewed by itself`]),
    ...(facts.server === undefined ? [] : [`names      ${facts.server.names.join(', ')}`]),
  ]);
}

/** Prints the authority's certificate, PEM, for clients that take a file. */
export async function exportCertificate(flags: CertificateFlags, surroundings: Surroundings): Promise<void> {
  const authority = authorityOf(folderOf(flags, surroundings));
  await surroundings.terminal.out.document(authority.toString());
}

/** Said before an authority is changed: not every client takes the next one by itself. */
const NOT_LEARNING =
  'Clients by --tls-ca do not learn it: give them the new `switchyard cert export` after use-next. Where you gave --pin, add this one.';

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];
/** Clients that run ask for the next pin each hour, and machines that are switched off at night do not run. */
const LEARNT_MS = DAY_MS;

/** Makes the authority that is to take the place of the one in use, so that clients can learn its pin before it does. */
export async function makeNext(flags: CertificateFlags, surroundings: Surroundings): Promise<void> {
  const folder = folderOf(flags, surroundings);
  const present = presentPinOf(folder) ?? formatPin(pinOf(authorityOf(folder)));
  const pin = inFolder(() => makeNextAuthority(folder));
  if (pin === undefined) {
    throw new Failure(`${folder} has a next authority already`, [
      'switchyard cert use-next puts it to use. To give it up, delete next-authority-key.pem.',
    ]);
  }
  const { out } = surroundings.terminal;
  const facts = { pin: present, nextPin: formatPin(pin) };
  if (flags.json) return out.json(facts);
  await out.writeLines([
    `next pin   ${facts.nextPin}`,
    'A running server tells it to clients within a minute, or on SIGHUP. Each has to connect once before you run: switchyard cert use-next',
    NOT_LEARNING,
  ]);
  await warnOfOtherCertificate(folder, surroundings);
}

/** Puts the next authority in the place of the one in use, whose key is deleted. */
export async function useNext(
  { yes, ...flags }: CertificateFlags & { readonly yes?: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const folder = folderOf(flags, surroundings);
  const former = presentPinOf(folder);
  const next = nextPinOf(folder);
  if (former === undefined && next === undefined) authorityOf(folder);
  const deleted = former === undefined ? '' : `; the key of ${former} is deleted`;
  if (former !== undefined && next !== undefined) await warnBeforeUse(folder, surroundings);
  const question = `Clients that have not connected since \`switchyard cert next\` will be refused until they enrol again, as will those by --tls-ca until they have the new \`cert export\`${deleted}. Go on?`;
  if (!yes && next !== undefined) await confirm(question, 'nothing was changed', surroundings);
  const pin = inFolder(() => useNextAuthority(folder));
  if (pin === undefined) {
    throw new Failure(`${folder} has no next authority`, [
      'switchyard cert next makes one. Run use-next when all clients have connected once after that.',
    ]);
  }
  const { out } = surroundings.terminal;
  const facts = { pin: formatPin(pin), formerPin: former };
  if (flags.json) return out.json(facts);
  await out.writeLines([`pin        ${facts.pin}`, 'A running server shows it within a minute, or on SIGHUP.']);
}

/** Says what makes it likely that clients have not learnt the next pin. */
async function warnBeforeUse(folder: string, surroundings: Surroundings): Promise<void> {
  const { clock, terminal } = surroundings;
  const madeAtMs = nextMadeAtMs(folder);
  const ageMs = madeAtMs === undefined ? LEARNT_MS : Math.max(0, clock.wallMs() - madeAtMs);
  if (ageMs < LEARNT_MS) {
    await terminal.err.write(
      `the next authority is ${ageWords(ageMs)} old: clients that were switched off since then have not learnt its pin`,
    );
  }
  await warnOfOtherCertificate(folder, surroundings);
}

function ageWords(ms: number): string {
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  return `${Math.floor(ms / HOUR_MS)} h`;
}

/**
 * Warns where the server of a folder shows clients a certificate that is not of the folder's authorities: they learn no pin from it, and a
 * change of the authority changes nothing for them. Where it cannot be found out nothing is said.
 */
async function warnOfOtherCertificate(folder: string, { terminal }: Surroundings): Promise<void> {
  const why = await otherCertificate(folder);
  if (why !== undefined) await terminal.err.write(`${why}: clients learn no pin of this folder from it`);
}

async function otherCertificate(folder: string): Promise<string | undefined> {
  try {
    const { grpc, tls } = readListening(folder) ?? {};
    if (grpc === undefined) return undefined;
    const where = `what listens at ${grpc}, as the server of ${folder} did when it ran last,`;
    if (tls === 'files') return `${where} shows the certificate of --tls-cert`;
    if (tls === 'none') return `${where} speaks no TLS`;
    const { present, next } = readAuthorityKeys(folder);
    const authority = readAuthority(folder);
    const pins = [present, next].flatMap((key) => (key === undefined ? [] : [pinOfKey(key)]));
    const found = findPinnedRoot(parseAddress(grpc), [...pins, ...(authority === undefined ? [] : [pinOf(authority)])]);
    return await found.then(
      () => undefined,
      (error) =>
        error instanceof PinMismatchError ? `${where} shows the certificate of another authority` : undefined,
    );
  } catch {
    return undefined;
  }
}

/**
 * By its key: the server makes the certificate of another authority only when it looks at the folder. Undefined where both are missing, as
 * they may be beside a next one.
 */
function presentPinOf(folder: string): string | undefined {
  const { present } = inFolder(() => readAuthorityKeys(folder));
  if (present !== undefined) return formatPin(pinOfKey(present));
  const authority = readAuthority(folder);
  return authority && formatPin(pinOf(authority));
}

function nextPinOf(folder: string): string | undefined {
  const { next } = inFolder(() => readAuthorityKeys(folder));
  return next && formatPin(pinOfKey(next));
}

/** Does something with the keys of a folder. Its errors name the file, and are said as they are. */
function inFolder<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Failure(asError(error).message);
  }
}

function folderOf({ data }: CertificateFlags, surroundings: Surroundings): string {
  return data ?? (surroundings.env.SWITCHYARD_DATA || defaultDataFolder(surroundings));
}

function authorityOf(folder: string): X509Certificate {
  const authority = readAuthority(folder);
  if (authority !== undefined) return authority;
  throw new Failure(`${folder} has no authority that you can read`, [
    'A server makes one at its first start with a port beyond loopback and without --tls-cert. Name its data folder with --data.',
  ]);
}

function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
}

function timeOf({ validTo }: X509Certificate): string {
  return new Date(validTo).toISOString();
}
