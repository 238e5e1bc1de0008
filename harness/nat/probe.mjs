// What a NAT does, seen from both of its sides. Plain JavaScript, so that it runs in a namespace as it stands.
//
//   probe.mjs echo PORT...                          answers everybody with the port that it sees
//   probe.mjs inside HOST PORT...   asks each echo from one local port, over UDP and over TCP, prints the ports that
//                                   they saw ({ udp, tcp }), then answers everybody who comes to these local ports
//   probe.mjs knock (udp|tcp HOST PORT PATIENCE_MS LOCAL_PORT)...
//                                   prints of each, in one list, `let in`, `refused`, or `silence` when nothing came
//                                   back; local port 0 is any
//   probe.mjs dial HOST PORT        connects to an echo, and prints the milliseconds until its first bytes were here
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** How often a datagram that may be lost is sent. */
const AGAIN_MS = 100;
const ANY = '0.0.0.0';

const [command, ...args] = process.argv.slice(2);

async function echo(ports) {
  for (const port of ports.map(Number)) {
    const udp = createSocket('udp4', (_, from) => udp.send(String(from.port), from.port, from.address));
    udp.bind(port, ANY);
    const tcp = createServer((socket) => socket.on('error', () => socket.destroy()).write(String(socket.remotePort)));
    tcp.listen(port, ANY);
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  }
  console.log('ready');
}

async function insideUdp(host, ports) {
  const udp = createSocket('udp4').bind(0, ANY);
  await once(udp, 'listening');
  const seen = [];
  for (const port of ports) {
    const asking = repeat(() => udp.send('?', port, host));
    const [bytes] = await messageWhere(udp, (from) => from.port === port);
    seen.push(Number(bytes));
    clearInterval(asking);
  }
  udp.on('message', (_, from) => {
    if (ports.includes(from.port)) return; // an echo that was asked for twice
    udp.send('!', from.port, from.address);
  });
  return seen;
}

async function insideTcp(host, ports) {
  const seen = [];
  let localPort = 0;
  for (const port of ports) {
    // Bound explicitly even without a port of its own: only then may the next one share it (SO_REUSEADDR).
    const socket = connect({ host, port, localAddress: ANY, localPort });
    seen.push(Number((await once(socket, 'data'))[0]));
    localPort = socket.localPort;
  }
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).write('!'));
  await once(server.listen(localPort, ANY), 'listening');
  return seen;
}

async function knock(protocol, host, port, patienceMs, localPort) {
  const answered = new Promise((resolve) => {
    const letIn = () => resolve('let in');
    if (protocol === 'tcp') {
      const socket = connect({ host, port, localAddress: ANY, localPort });
      socket.on('connect', letIn).on('error', () => resolve('refused'));
    } else {
      const udp = createSocket('udp4', letIn).bind(localPort, ANY);
      repeat(() => udp.send('?', port, host));
    }
  });
  const silence = new Promise((resolve) => setTimeout(resolve, patienceMs, 'silence'));
  return Promise.race([answered, silence]);
}

async function messageWhere(udp, wanted) {
  for (;;) {
    const message = await once(udp, 'message');
    if (wanted(message[1])) return message;
  }
}

function repeat(send) {
  send();
  return setInterval(send, AGAIN_MS);
}

if (command === 'echo') await echo(args);
if (command === 'inside') {
  const [host, ...ports] = args;
  const [udp, tcp] = await Promise.all([insideUdp, insideTcp].map((ask) => ask(host, ports.map(Number))));
  console.log(JSON.stringify({ udp, tcp }));
}
if (command === 'dial') {
  const before = performance.now();
  const socket = connect(Number(args[1]), args[0]);
  await once(socket, 'data');
  console.log(performance.now() - before);
  process.exit(0);
}
if (command === 'knock') {
  const knocks = [];
  for (let at = 0; at < args.length; at += 5) {
    const [protocol, host, ...numbers] = args.slice(at, at + 5);
    knocks.push(knock(protocol, host, ...numbers.map(Number)));
  }
  console.log(JSON.stringify(await Promise.all(knocks)));
  process.exit(0);
}
