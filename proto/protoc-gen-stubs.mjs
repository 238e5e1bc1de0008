// A plugin of `buf generate`: ts-proto's stubs, with maps that have no prototype. In an ordinary object the key `__proto__` is
// no key: ts-proto's own code takes such an entry and loses it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CodeGeneratorResponseSchema } from '@bufbuild/protobuf/wkt';

/** A stub of many messages has some megabytes. */
const RESPONSE_BYTES_MAX = 1 << 28;

const plugin = createRequire(import.meta.url).resolve('ts-proto/protoc-gen-ts_proto');
const { status, stdout } = spawnSync(process.execPath, [plugin], {
  input: readFileSync(0),
  stdio: ['pipe', 'pipe', 'inherit'],
  maxBuffer: RESPONSE_BYTES_MAX,
});
if (status !== 0) process.exit(status ?? 1);

const response = fromBinary(CodeGeneratorResponseSchema, stdout);
for (const file of response.file) file.content = withBareMaps(file.content);
process.stdout.write(toBinary(CodeGeneratorResponseSchema, response));

/** Everywhere ts-proto begins a map: in a new message, in what is read from JSON or from a part, and in what becomes JSON. */
function withBareMaps(source) {
  return source
    .replace(/(\b\w+): \{\}(?=[,\s])/g, '$1: globalThis.Object.create(null)')
    .replace(/^(\s+): \{\},$/gm, '$1: globalThis.Object.create(null),')
    .replace(/^(\s+)\{\},$/gm, '$1globalThis.Object.create(null),')
    .replace(/(\bobj\.\w+) = \{\};/g, '$1 = globalThis.Object.create(null);');
}
