import { IdentityServiceService as Identities } from '../../gen/switchyard/v1/identity.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { makeIdentityCode } from '../../src/console/credentials.js';
import type { Role } from '../../src/core/model/trust/identity.js';
import { ProofPurpose } from '../../src/trust/signed-bytes.js';
import { agent, asAdmin, asHeaders, ask, type Running } from '../grpc/running.js';
import { keyOf, proofOf } from '../trust/proving.js';

const PERSON = 3;
let lastNumber = 100;

/** Somebody with a key, in a network. */
export interface Person {
  /** Of the key. */
  readonly number: number;
  readonly uuid: string;
  readonly network: string;
}

/** Makes a person with these roles. */
export async function makePerson(at: Running, roles: readonly Role[], network = 'default'): Promise<Person> {
  const number = ++lastNumber;
  const { instanceUuid: uuid } = agent(number);
  const { publicKey } = keyOf(number);
  await ask(at, Identities.bindKey, { identityUuid: uuid, publicKey }, asAdminOf(network));
  const person = { number, uuid, network };
  await giveRoles(at, person, roles);
  return person;
}

/** Gives somebody these roles and no others. */
export async function giveRoles(at: Running, { uuid, network, number }: Person, roles: readonly Role[]): Promise<void> {
  const what = { kind: PERSON, roles: [...roles], name: `person-${number}`, labels: {} };
  const updateMask = ['kind', 'roles', 'name'];
  await ask(at, Identities.updateIdentity, { identityUuid: uuid, ...what, updateMask }, asAdminOf(network));
}

/** Logs in over gRPC, as `switchyard console` does before it makes a code. */
export async function accessTokenOf(at: Running, { number, uuid, network }: Person): Promise<string> {
  const challenge = await ask(at, Identities.challenge, { network });
  const proof = proofOf(keyOf(number), uuid, challenge, { purpose: ProofPurpose.LOGIN, network });
  const where = asHeaders({ 'switchyard-network': network });
  return (await ask(at, Identities.login, { proof }, where)).accessToken;
}

/** A code that lets somebody into the console. */
export async function personalCode(at: Running, person: Person): Promise<string> {
  return makeIdentityCode(await accessTokenOf(at, person), person, systemClock, systemRandom);
}

function asAdminOf(network: string) {
  const metadata = asAdmin();
  metadata.set('switchyard-network', network);
  return metadata;
}
