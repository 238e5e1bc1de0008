import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import {
  type FieldDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from '@jest/globals';
import { fileDescriptors } from '../../gen/descriptors.js';

const PATH = fileURLToPath(new URL('../../docs/api-style.md', import.meta.url));
const BLOCK = /(<!-- names: begin -->\n).*?(<!-- names: end -->)/s;

const FILES = fileDescriptors
  .map((text) => fromBinary(FileDescriptorProtoSchema, Buffer.from(text, 'base64')))
  .filter(({ name }) => name.startsWith('switchyard/'));
const MESSAGES = FILES.flatMap(({ messageType }) => messageType).filter(({ options }) => !options?.mapEntry);
const FIELDS = MESSAGES.flatMap(({ field }) => field);
const ENUMS = [...FILES, ...MESSAGES].flatMap(({ enumType }) => enumType);
const METHODS = FILES.flatMap(({ service }) => service).flatMap(({ method }) => method);

const PREPOSITIONS = new Set(
  ['after', 'at', 'before', 'by', 'for', 'from', 'in', 'of', 'on', 'since', 'to', 'until', 'with'], //
);
const UNSIGNED = new Set([Type.UINT32, Type.UINT64, Type.FIXED32, Type.FIXED64]);
const ID = /^(id|parent|by)$|_id$|_ids$|^cvids?\d?$|_cvids?$|_sid$/;

/** Names of fields that break a rule, each once. */
const fields = (breaks: (field: FieldDescriptorProto) => boolean) => FIELDS.filter(breaks).map(({ name }) => name);

/** What breaks the rules, by the row of the table that names it. */
const BREAKS: Readonly<Record<string, readonly string[]>> = {
  'AIP-122: ids that are integers': fields(({ type, name }) => type === Type.INT32 && ID.test(name)),
  'AIP-126: enums whose 0 has a meaning': ENUMS.filter(({ value }) => !value[0].name.endsWith('_UNSPECIFIED')).map(
    ({ name }) => name,
  ),
  'AIP-140: prepositions': fields(({ name }) => name.split('_').some((word) => PREPOSITIONS.has(word))),
  'AIP-140: repeated, and singular': fields(
    ({ label, name }) => label === Label.REPEATED && !/s$/.test(name) && name !== 'rendezvous',
  ),
  'AIP-141: unsigned': fields(({ type }) => UNSIGNED.has(type)),
  'AIP-142: timestamps without `_time`': fields(
    ({ typeName, name }) => typeName === '.google.protobuf.Timestamp' && !name.endsWith('_time'),
  ),
  'AIP-131 to 135: methods with other verbs': METHODS.map(({ name }) => name).filter(
    (name) => !/^(Get|List|Create|Update|Delete|Watch)[A-Z]/.test(name),
  ),
};

function namesTable(): string {
  const rows = Object.entries(BREAKS).map(([rule, names]) => {
    const sorted = [...new Set(names)].sort();
    return `| ${rule} | ${sorted.map((name) => `\`${name}\``).join(', ')} |\n`;
  });
  return `| rule | names |\n|---|---|\n${rows.join('')}`;
}

describe('docs/api-style.md', () => {
  it('names everything in the protos that breaks one of the rules that a program can check', () => {
    const document = readFileSync(PATH, 'utf8');
    const written = document.replace(BLOCK, (_all, begin, end) => `${begin}${namesTable()}${end}`);
    if (process.env.UPDATE_DOCUMENT === '1') writeFileSync(PATH, written);
    else expect(document).toBe(written);
  });

  it('says the exceptions of buf.yaml', () => {
    const config = readFileSync(new URL('../../buf.yaml', import.meta.url), 'utf8');
    const lint = config.slice(config.indexOf('lint:'), config.indexOf('breaking:'));
    expect(lint.match(/^\s+[A-Z_]+:?$|- [A-Z_]+$/gm)?.map((rule) => rule.replace(/[\s:-]/g, ''))).toEqual([
      'STANDARD',
      'COMMENTS',
      'ENUM_ZERO_VALUE_SUFFIX',
    ]);
  });
});
