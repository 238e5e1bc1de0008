import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run } from './command.mjs';

const SSHD = '/usr/sbin/sshd';
const FAKETIME = '/usr/lib/*/faketime/libfaketime.so.1';

/**
 * What the tests run besides Node, and how each is asked whether it is there. gRPC for Python comes from the system
 * because the stubs are made with the system's protoc, and the two must be of one age.
 */
const PROGRAMS = [
  { deb: 'python3-grpcio', isThere: async () => (await pythonWithGrpc()) !== undefined },
  // Keys of the Python client, and its connections to peers.
  { deb: 'python3-openssl', isThere: hasPythonTls },
  { deb: 'protobuf-compiler', isThere: () => succeeds('protoc', ['--version']) },
  { deb: 'protobuf-compiler-grpc', isThere: () => succeeds('sh', ['-c', 'command -v grpc_python_plugin']) },
  { deb: 'chromium', isThere: hasChromium },
  { deb: 'curl', isThere: () => succeeds('curl', ['--version']) },
  // The NAT tests make networks of namespaces, which only Linux has and only root may make; elsewhere they say so.
  { deb: 'iproute2', isThere: async () => !mayMakeNamespaces() || succeeds('ip', ['-V']) },
  { deb: 'nftables', isThere: async () => !mayMakeNamespaces() || succeeds('nft', ['-v']) },
  // The test of ssh starts a server of its own; elsewhere it says what is missing.
  { deb: 'openssh-server', isThere: async () => !mayMakeNamespaces() || succeeds('sh', ['-c', `command -v ${SSHD}`]) },
  { deb: 'openssh-client', isThere: async () => !mayMakeNamespaces() || succeeds('ssh', ['-V']) },
  // The tests of the log start one of their own; elsewhere they say what is missing.
  { deb: 'etcd-server', isThere: async () => !mayMakeNamespaces() || succeeds('sh', ['-c', 'command -v etcd']) },
  // For a server whose wall clock jumps; Linux only. Without it that one test says so.
  { deb: 'libfaketime', isThere: async () => !mayMakeNamespaces() || succeeds('sh', ['-c', `ls ${FAKETIME}`]) },
];

/** What the examples of other languages are built with; some hundred megabytes, so only `npm run test:all` has them. */
const LANGUAGES = [
  'golang-go',
  'golang-google-grpc-dev',
  'golang-google-genproto-dev',
  'protoc-gen-go',
  'protoc-gen-go-grpc',
  'ruby',
  'ruby-grpc',
  'default-jdk-headless',
  'libgrpc-java',
  'libnetty-java',
  'libperfmark-java',
  'libprotobuf-java',
  'protobuf-compiler-grpc-java-plugin',
  'g++',
  'make',
  'pkg-config',
  'libgrpc++-dev',
  'libprotobuf-dev',
  'php-cli',
  'rustc',
].map((deb) => ({ deb, isThere: () => succeeds('dpkg', ['-s', deb]) }));

/** A browser of the family, under any of the names that test/interop/chromium.mjs looks for. */
async function hasChromium() {
  const commands = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `command -v ${name}`);
  const apps = ['Chromium', 'Google Chrome'].map((app) => `test -e '/Applications/${app}.app'`);
  return succeeds('sh', ['-c', [...commands, ...apps].join(' || ')]);
}

function mayMakeNamespaces() {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/**
 * The Python that has gRPC: the first on the PATH, or the system's own where another one hides it. Undefined when
 * neither has it.
 */
export async function pythonWithGrpc() {
  for (const python of ['python3', '/usr/bin/python3']) {
    if (await succeeds(python, ['-c', 'import grpc, google.protobuf'])) return python;
  }
  return undefined;
}

/** What is missing to build Go with Debian's packages of gRPC, in one line; undefined: nothing. */
export async function goMissing() {
  const debs = ['golang-go', 'golang-google-grpc-dev', 'golang-google-genproto-dev'];
  const [isThere, packages] = [await succeeds('go', ['version']), '/usr/share/gocode/src/google.golang.org'];
  const hasPackages = await succeeds('sh', ['-c', `ls ${packages}/grpc ${packages}/genproto ${packages}/protobuf`]);
  return isThere && hasPackages ? undefined : `no Go with Debian's gRPC: apt-get install ${debs.join(' ')}`;
}

/** Whether that Python has TLS with certificates of its own, too; of macOS's Pythons pip is asked for it by hand. */
async function hasPythonTls() {
  if (process.platform !== 'linux') return true;
  const python = await pythonWithGrpc();
  return python !== undefined && succeeds(python, ['-c', 'import cryptography, OpenSSL']);
}

/** Makes node_modules what package-lock.json says, when it is not that already. */
export async function installModules() {
  const stale = await staleModule();
  if (stale === undefined) return { ok: true };
  const { code, said } = await run('npm', ['ci', '--no-audit', '--no-fund']);
  return { ok: code === 0, said: `npm ci failed; it was needed because ${stale}\n${said}`, note: `npm ci: ${stale}` };
}

/** Names a module that is missing or of another version than the lock file's; undefined when there is none. */
async function staleModule() {
  const wanted = await packagesOf('package-lock.json');
  const present = await packagesOf('node_modules/.package-lock.json').catch(() => undefined);
  if (present === undefined) return 'there were no node_modules';
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || present[path]?.version === version) continue;
    // Optional ones may be missing: they are built for other platforms.
    if (optional && present[path] === undefined) continue;
    return `${path} is not ${version}`;
  }
  return undefined;
}

async function packagesOf(file) {
  return JSON.parse(await readFile(join(ROOT, file), 'utf8')).packages;
}

/** Asks nothing, and starts no service of what it installs: to that, the machine looks as if for a single user. */
const APT_ENV = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };

/** The same for what the examples in other languages need. */
export function installLanguages() {
  return installSystemPackages(LANGUAGES);
}

/** The same for the test of completion in other shells than bash. */
export function installShells() {
  return installSystemPackages(['zsh', 'fish'].map((deb) => ({ deb, isThere: () => succeeds(deb, ['--version']) })));
}

/** The same for the test of dashboards and alerts. */
export function installPrometheus() {
  return installSystemPackages([{ deb: 'prometheus', isThere: () => succeeds('promtool', ['--version']) }]);
}

/** Installs what is missing where that can be done without asking; otherwise says in one line how. */
export async function installSystemPackages(programs = PROGRAMS) {
  const missing = await missingOf(programs);
  if (missing.length === 0) return { ok: true };
  const names = missing.join(' ');
  const onDebian = await succeeds('apt-get', ['--version']);
  if (!onDebian) {
    const how = 'on macOS: brew install protobuf grpc chromium && python3 -m pip install grpcio protobuf';
    return { ok: false, said: `missing: ${names} (Debian's names); ${how}` };
  }
  if (process.getuid?.() !== 0) return { ok: false, said: `missing: ${names}; sudo apt-get install ${names}` };
  const apt = (args) => run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], { env: APT_ENV });
  const updated = await apt(['update']);
  const installed = await apt(['install', '-y', '--no-install-recommends', ...missing]);
  const still = await missingOf(programs);
  const said = `missing: ${still.join(' ')}; apt-get could not install them\n${updated.said}${installed.said}`;
  return { ok: still.length === 0, said, note: `apt-get install ${names}` };
}

async function missingOf(programs) {
  const missing = [];
  for (const { deb, isThere } of programs) if (!(await isThere())) missing.push(deb);
  return missing;
}

async function succeeds(program, args) {
  return (await run(program, args)).code === 0;
}
