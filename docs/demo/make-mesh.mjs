// Makes the mesh of the README's demo: a made-up town with a wireless community network.
//
//     node docs/demo/make-mesh.mjs > docs/demo/mesh.netjson
//
// The same seed gives the same bytes on every machine: only additions, multiplications, divisions and square roots are
// used, which IEEE 754 fixes to the last bit. Nothing in it is anybody's real network.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const QUARTERS = [
  ...['harbour', 'mill', 'orchard', 'station', 'market', 'castle', 'meadow', 'quarry', 'canal', 'abbey', 'foundry'],
  ...['north-gate', 'south-gate', 'hospital', 'university', 'allotments', 'waterworks', 'old-town', 'airfield', 'lake'],
];
const GATEWAYS = 5;
/** When the graph was seen, in seconds since 1970: 2026-03-01T12:00:00Z. */
const SEEN_AT_S = 1_772_366_400;
const YEAR_S = 365 * 86_400;
/** How far a roof's antenna reaches, where the town is 1 wide. */
const REACH = 0.042;

/** Marsaglia's xorshift32: small, known, and the same everywhere. */
class Dice {
  constructor(seed) {
    this.state = seed >>> 0 || 1;
  }

  /** A fraction in [0, 1). */
  fraction() {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  whole(low, high) {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability) {
    return this.fraction() < probability;
  }

  /** Around 0, rarely beyond 1: the sum of three is near enough to a bell. */
  spread() {
    return (this.fraction() + this.fraction() + this.fraction()) * (2 / 3) - 1;
  }

  pick(list) {
    return list[this.whole(0, list.length - 1)];
  }
}

/** A NetworkGraph with the given seed, as NetJSON wants it. */
export function makeMesh(seed) {
  const dice = new Dice(seed);
  const ids = new Set();
  const gateways = Array.from({ length: GATEWAYS }, (_, i) => gateway(dice, ids, i));
  const roofs = QUARTERS.flatMap((quarter) => settle(dice, ids, quarter));
  const links = [...backbone(dice, gateways), ...wireless(dice, roofs), ...uplinks(dice, roofs, gateways)];
  return {
    type: 'NetworkGraph',
    protocol: 'batman-adv',
    version: '2024.2',
    metric: '1/TQ',
    label: 'A made-up town',
    revision: timeText(SEEN_AT_S),
    nodes: [...gateways, ...roofs].map(asNode),
    links,
  };
}

/** A machine in a data centre, there since the beginning. */
function gateway(dice, ids, index) {
  const firstseenS = SEEN_AT_S - 4 * YEAR_S + index * 20 * 86_400;
  // One has been switched off: its links are still in the file, and lead to nothing.
  return { id: address(dice, ids), label: `gateway-${index + 1}`, gateway: true, online: index !== 3, firstseenS };
}

/** A quarter's roofs: a pioneer, then its neighbours within the three years that follow. */
function settle(dice, ids, quarter) {
  const x = dice.fraction();
  const y = dice.fraction();
  const pioneerS = SEEN_AT_S - dice.whole(YEAR_S, 4 * YEAR_S - 120 * 86_400);
  return Array.from({ length: dice.whole(9, 15) }, (_, index) => ({
    id: address(dice, ids),
    label: `${quarter}-${index + 1}`,
    quarter,
    gateway: false,
    online: !dice.chance(0.11),
    firstseenS: index === 0 ? pioneerS : Math.min(SEEN_AT_S - 3_600, pioneerS + dice.whole(86_400, 3 * YEAR_S)),
    x: x + dice.spread() * 0.06,
    y: y + dice.spread() * 0.06,
  }));
}

/** A locally administered hardware address that no other node has. */
function address(dice, ids) {
  for (;;) {
    const id = `02${Array.from({ length: 5 }, () => dice.whole(0, 255).toString(16).padStart(2, '0')).join('')}`;
    if (ids.has(id)) continue;
    ids.add(id);
    return id;
  }
}

/** The gateways know each other, all of them. */
function backbone(dice, gateways) {
  return gateways.flatMap((from, i) => gateways.slice(i + 1).map((to) => link(dice, from, to, 'other', 1)));
}

/** Roofs that see each other; quality falls with the square of the distance. Some are heard from both sides. */
function wireless(dice, roofs) {
  const links = [];
  for (const [i, from] of roofs.entries()) {
    for (const to of roofs.slice(i + 1)) {
      const distance = Math.sqrt((from.x - to.x) ** 2 + (from.y - to.y) ** 2);
      if (distance > REACH || dice.chance(0.4)) continue;
      const quality = 1 - 0.8 * (distance / REACH) ** 2;
      links.push(link(dice, from, to, 'wifi', quality));
      if (dice.chance(0.08)) links.push(link(dice, to, from, 'wifi', quality));
      // Two routers under one roof are wired as well.
      if (distance < REACH / 8) links.push(link(dice, from, to, 'other', 1));
    }
  }
  return links;
}

/** Every quarter has a few roofs with a line of their own, the pioneer among them. */
function uplinks(dice, roofs, gateways) {
  const links = [];
  for (const quarter of QUARTERS) {
    const own = roofs.filter((roof) => roof.quarter === quarter);
    for (const roof of new Set([own[0], dice.pick(own), dice.pick(own), ...own.filter(() => dice.chance(0.15))])) {
      const first = dice.pick(gateways);
      links.push(link(dice, roof, first, 'vpn', 1));
      const second = dice.pick(gateways);
      if (second !== first && dice.chance(0.5)) links.push(link(dice, roof, second, 'vpn', 1));
    }
  }
  return links;
}

function link(dice, from, to, type, quality) {
  const heard = () => rounded(Math.min(1, Math.max(0.1, quality * (1 - 0.15 * dice.fraction()))));
  const [sourceTq, targetTq] = type === 'wifi' ? [heard(), heard()] : [1, 1];
  const properties = { type, source_tq: sourceTq, target_tq: targetTq };
  return { source: from.id, target: to.id, cost: rounded(1 / sourceTq), properties };
}

function rounded(value) {
  return Math.round(value * 1000) / 1000;
}

function asNode({ id, label, online, gateway: isGateway, firstseenS }) {
  // Who is offline was last seen some days after it was first seen.
  const lastseenS = online ? SEEN_AT_S - (firstseenS % 47) : firstseenS + Math.floor((SEEN_AT_S - firstseenS) / 3);
  const properties = { online, gateway: isGateway, firstseen: timeText(firstseenS), lastseen: timeText(lastseenS) };
  return { id, label, properties };
}

function timeText(seconds) {
  return new Date(seconds * 1000).toISOString().replace('.000Z', '+0000');
}

/** One node or link a line. */
export function meshText(seed) {
  const { nodes, links, ...about } = makeMesh(seed);
  const list = (items) => items.map((item) => JSON.stringify(item)).join(',\n');
  return `${JSON.stringify(about).slice(0, -1)},"nodes":[\n${list(nodes)}\n],"links":[\n${list(links)}\n]}\n`;
}

/** The seed of the mesh that is shipped. */
export const SHIPPED_SEED = 8768;

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.stdout.write(meshText(SHIPPED_SEED));
}
