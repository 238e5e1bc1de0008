import { type OrderHandlers, Refusal } from '../../../src/client/instance/orders.js';
import { StatusCode } from '../../../src/client/status.js';
import type { Member, Onlooker } from './fleet.js';

/** How an instance joins. */
export interface Joining {
  readonly ttlMs: number | undefined;
  /** A number that says how it takes its orders. */
  readonly manner: number;
}

/** Lets an instance join from a member, with its own way of taking orders. How it ends goes to the verdict. */
export function join(onlooker: Onlooker, member: Member, uuid: string, { ttlMs, manner }: Joining): void {
  const { name } = member;
  const terminate = TERMINATE_MANNERS[manner % TERMINATE_MANNERS.length];
  const instance = member.client.join({
    uuid,
    type: 2 + (manner % 2),
    name,
    labels: { manner: String(manner % 5) },
    ttlMs,
    key: member.key,
    handlers: {
      terminate: () => terminate(member),
      connection: CONNECTION_MANNERS[manner % CONNECTION_MANNERS.length](member),
    },
  });
  member.instance = instance;
  instance.on('opened', ({ cvid }) => onlooker.note(`${name} opened ${cvid}`));
  instance.on('attached', ({ cvid }) => onlooker.note(`${name} attached ${cvid}`));
  instance.on('lost', (error) => onlooker.note(`${name} lost: ${error.message}`));
  instance.on('broken', (error) => onlooker.note(`${name} broken: ${error.message}`));
  void instance.ended.then((error) => {
    onlooker.note(`${name} ended: ${error?.message ?? 'left'}`);
    const isMeant = error === undefined || ENDINGS.includes(error.reason ?? '') || error.code === StatusCode.CANCELLED;
    if (!isMeant && member.instance === instance) onlooker.verdict.fail('Sound', `${name} ended: ${error.message}`);
  });
}

const ENDINGS = ['SESSION_SUPERSEDED', 'SESSION_TERMINATED'];

/** How an instance takes the order to end itself: at once, after a while, never, or not at all. */
const TERMINATE_MANNERS: readonly ((member: Member) => Promise<void>)[] = [
  async () => {},
  (member) => member.wait(2_000),
  (member) => member.wait(20_000),
  () => new Promise(() => {}),
  async () => {
    throw new Error('this instance cannot tidy up');
  },
];

/** How an instance takes the order to connect: accepts at once, after a while or too late, refuses, never answers. */
const CONNECTION_MANNERS: readonly ((member: Member) => OrderHandlers['connection'])[] = [
  () => async () => undefined,
  (member) => async () => void (await member.wait(1_000)),
  (member) => async () => void (await member.wait(20_000)),
  () => async () => {
    throw new Refusal('PEER_REFUSED', 'not today');
  },
  () => () => new Promise(() => {}),
];
