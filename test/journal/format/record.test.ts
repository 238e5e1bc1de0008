import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Command as CommandMessage } from '../../../gen/switchyard/journal/v1/command.js';
import type { Command } from '../../../src/core/model/command.js';
import { INITIAL_LIMITS } from '../../../src/core/model/limits.js';
import { FORMAT_VERSION, FrameKind, formatOf, seal } from '../../../src/journal/format/frame.js';
import { decodeRecord, encodeRecord } from '../../../src/journal/format/record.js';
import { JournalError } from '../../../src/journal/journal.js';
import { anyCommand, anyStamped, COMMANDS } from '../arbitrary.js';

const TERMINATE: Command = { kind: 'TerminateStream', sid: 9, id: 300 };

const SECRET_HASH = hash('sha256', 'secret');
const OPEN = {
  kind: 'OpenSession',
  uuid: '0c1d2e3f-4a5b-4c6d-8e7f-901a2b3c4d5e',
  type: 2,
  flavor: 3,
  ttlMs: 30_000,
  name: 'a',
  labels: { zone: 'b' },
  tokenHash: Buffer.from(SECRET_HASH, 'hex').toString('latin1'),
  atMs: 1_700_000_000_000,
} satisfies Command;
/** Its field of a record, as its diagram has it. */
const OPEN_HEX = [
  `1265${'0a24'}${Buffer.from(OPEN.uuid).toString('hex')}`,
  '1002180320b0ea012a016132090a047a6f6e65120162',
  `3a20${SECRET_HASH}`,
  '4080d095ffbc31',
].join('');

/** What decoding throws, or a failure. */
function thrownBy(work: () => unknown): JournalError {
  try {
    work();
  } catch (error) {
    if (error instanceof JournalError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The formats of the commands that came after release 0.1.0. */
const FORMATS: Partial<Record<Command['kind'], number>> = {
  SetLimits: 2,
  BindKey: 3,
  RotateKey: 3,
  ForgetKey: 3,
  UpdateIdentity: 3,
  PutPolicy: 3,
  RevokeIdentity: 3,
  IssueTicket: 3,
  RevokeTicket: 3,
  Enroll: 3,
  AdmitIdentity: 3,
  AnchorAudit: 3,
  RenewEpoch: 4,
  UseRules: 4,
  AddServer: 4,
  LoseServer: 4,
  MoveSession: 4,
};

/** The format of a command that release 0.1.0 could not have written; undefined for the others. */
function lowestFormat(command: Command): number | undefined {
  if (command.kind === 'CloseSession' && command.home !== undefined) return 4;
  if (command.kind === 'OpenSession' && command.proven !== undefined) return 3;
  if ('endorsement' in command) return 3;
  return ['requestId', 'fallback', 'server'].some(
    (field) => field in command && !['MoveSession', 'AnchorAudit'].includes(command.kind),
  )
    ? 2
    : FORMATS[command.kind];
}

describe('a record', () => {
  it.each(Object.entries(COMMANDS))('gives back every %s as it went in', (_, commands) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), commands, (revision, command) => {
        expect(decodeRecord(encodeRecord(revision, command))).toStrictEqual(command);
      }),
    );
  });

  // The checksums are Python's: zlib.crc32(struct.pack('>QI', 7, 0) + bytes.fromhex('02014a05080910ac02a00680d095ffbc31')), and so on.
  it.each([
    [7, TERMINATE, `ba30001a0201${'4a05080910ac02'}${'a00680d095ffbc31'}`],
    [8, OPEN, `282a8a210201${OPEN_HEX}${'a00680d095ffbc31'}`],
  ])('has the bytes that its diagram in docs/journal.md says: revision %i', (revision, command, expected) => {
    const { bytes } = encodeRecord(revision, { ...command, storedAtMs: 1_700_000_000_000 });
    expect(Buffer.from(bytes).toString('hex')).toBe(expected);
    const said = new RegExp(`record of revision ${revision}, [^\`]*\`[^\`]*\`[^\`]*\`\`\`\\n([^\`]*)\`\`\``);
    const [, diagram] = readFileSync('docs/journal.md', 'utf8').match(said)!;
    const shown = diagram.split('\n').map((line) => line.match(/^ {2}((?:[0-9a-f]{2} )+) /)?.[1] ?? '');
    expect(shown.join('').replaceAll(' ', '')).toBe(Buffer.from(bytes).toString('hex'));
  });

  it('has the bytes of format 1 where nothing says when it was stored', () => {
    const { bytes } = encodeRecord(7, TERMINATE);
    // The checksum is Python's: zlib.crc32(struct.pack('>QI', 7, 0) + bytes.fromhex('01014a05080910ac02'))
    expect(Buffer.from(bytes).toString('hex')).toBe('f24cf5e0' + '01' + '01' + '4a05080910ac02');
  });

  it.each<[string, Command, string]>([
    [
      'of UpdateIdentity',
      {
        kind: 'UpdateIdentity',
        uuid: 'u',
        identityKind: 3,
        roles: ['agent', 'client'],
        name: 'boat',
        labels: { a: 'b' },
        storedAtMs: 9,
        by: 'administrator',
      },
      'ba1adf5f0301a202260a017510031a0f0a056167656e740a06636c69656e742204626f61742a080a060a0161120162a00609aa060d61646d696e6973747261746f72',
    ],
    [
      'of an empty UpdateIdentity',
      { kind: 'UpdateIdentity', uuid: 'u', roles: [], name: '', labels: {} },
      '54588e470301a202090a01751a0022002a00',
    ],
    [
      'of IssueTicket',
      {
        kind: 'IssueTicket',
        hash: '0123456789abcdef0123456789abcdef',
        issuer: 'u',
        uses: 300,
        expiresAtMs: 9_000,
        identityKind: 3,
        roles: ['agent', 'client'],
        names: 'boat-*',
        forUuid: 'v',
        atMs: 8,
        storedAtMs: 9,
      },
      '3b637be90301f201490a20303132333435363738396162636465663031323334353637383961626364656612017518ac0220a846280332056167656e743206636c69656e743a06626f61742d2a4201764808a00609',
    ],
    [
      'of RevokeTicket',
      { kind: 'RevokeTicket', id: '9f86d081884c7d65' },
      'f385e9b80301fa01120a1039663836643038313838346337643635',
    ],
    [
      'of Enroll',
      {
        kind: 'Enroll',
        ticketHash: '0123456789abcdef0123456789abcdef',
        uuid: 'u',
        key: 'k',
        keyId: '0123456789abcdef0123456789abcdef',
        name: 'boat',
        atMs: 8,
      },
      '99f9807b03018202520a2030313233343536373839616263646566303132333435363738396162636465661201751a016b222030313233343536373839616263646566303132333435363738396162636465662a04626f61743008',
    ],
    [
      'of AdmitIdentity',
      {
        kind: 'AdmitIdentity',
        uuid: 'u',
        identityKind: 3,
        key: 'https://a b',
        keyId: '0123456789abcdef0123456789abcdef',
        origin: 6,
        roles: ['client'],
        atMs: 8,
      },
      'ee14c7840301ba02420a017510031a0b68747470733a2f2f61206222203031323334353637383961626364656630313233343536373839616263646566280632080a06636c69656e743808',
    ],
    [
      'of AnchorAudit',
      {
        kind: 'AnchorAudit',
        server: 'u',
        number: 41,
        hash: '0123456789abcdef0123456789abcdef',
        atMs: 8,
        isBroken: true,
      },
      '73ec61550301c2022b0a017510291a20303132333435363738396162636465663031323334353637383961626364656620082801',
    ],
    [
      'of AdmitIdentity by a token',
      {
        kind: 'AdmitIdentity',
        uuid: 'u',
        identityKind: 3,
        key: 'https://a b',
        keyId: '0123456789abcdef0123456789abcdef',
        origin: 6,
        roles: ['client'],
        atMs: 8,
        issuedAtMs: 7,
        policyRevision: 0,
      },
      'c67d9a080301ba02460a017510031a0b68747470733a2f2f61206222203031323334353637383961626364656630313233343536373839616263646566280632080a06636c69656e74380840074800',
    ],
  ])('%s has these bytes for ever', (_, command, hex) => {
    const { bytes } = encodeRecord(7, command);
    expect(Buffer.from(bytes).toString('hex')).toBe(hex);
    expect(decodeRecord({ revision: 7, bytes })).toStrictEqual(command);
  });

  it('has the same bytes whenever the command is the same', () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        expect(encodeRecord(5, decodeRecord(encodeRecord(5, command)))).toStrictEqual(encodeRecord(5, command));
      }),
    );
  });

  it('is damaged when any bit of it is another, with its revision', () => {
    const record = encodeRecord(7, TERMINATE);
    for (let bit = 0; bit < record.bytes.length * 8; bit++) {
      const bytes = Buffer.from(record.bytes);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      expect(thrownBy(() => decodeRecord({ revision: 7, bytes }))).toMatchObject({ kind: 'damaged', revision: 7 });
    }
  });

  it('is damaged when it is cut short anywhere', () => {
    const record = encodeRecord(7, TERMINATE);
    for (let length = 0; length < record.bytes.length; length++) {
      const bytes = record.bytes.subarray(0, length);
      expect(thrownBy(() => decodeRecord({ revision: 7, bytes }))).toMatchObject({ kind: 'damaged', revision: 7 });
    }
  });

  it('is damaged where another revision belongs', () => {
    const { bytes } = encodeRecord(7, TERMINATE);
    expect(thrownBy(() => decodeRecord({ revision: 8, bytes }))).toMatchObject({ kind: 'damaged', revision: 8 });
  });

  it('is damaged when it is a part of a snapshot', () => {
    const bytes = seal(FrameKind.CHUNK, { revision: 7, part: 0 }, CommandMessage.encode({ kind: undefined }).finish());
    expect(thrownBy(() => decodeRecord({ revision: 7, bytes }))).toMatchObject({ kind: 'damaged', revision: 7 });
  });

  it('is damaged when its content is not protobuf at all', () => {
    const bytes = seal(FrameKind.RECORD, { revision: 7, part: 0 }, Buffer.from('ffff', 'hex'));
    expect(thrownBy(() => decodeRecord({ revision: 7, bytes }))).toMatchObject({ kind: 'damaged', revision: 7 });
  });

  it('of a newer version is refused with what was found, what is known and what to do', () => {
    const bytes = seal(FrameKind.RECORD, { revision: 7, part: 0 }, Buffer.from('anything'), FORMAT_VERSION + 1);
    const error = thrownBy(() => decodeRecord({ revision: 7, bytes }));
    expect(error).toMatchObject({ kind: 'version', revision: 7 });
    expect(error.message).toBe(
      `record 7 has format version ${FORMAT_VERSION + 1}; this build knows version ${FORMAT_VERSION}. ` +
        'Nothing was changed. Start the newer version again, or restore a backup from before the upgrade.',
    );
  });

  it.each([
    ['command', 'ea0400', 'command 77'],
    ['number of rules', 'aa01020802', 'the value 2 of UseRules.rules'],
    ['number of rules, not said', 'aa0100', 'the value 0 of UseRules.rules'],
    ['answer', '2a0318e707', 'the value 999 of AnswerOrder.code'],
    ['reason to close', '1a0508a7021009', 'the value 9 of CloseSession.reason'],
    ['reason to close, not said', '1a0308a702', 'the value 0 of CloseSession.reason'],
    ['reason to stop', '520408091809', 'the value 9 of StopStream.reason'],
    ['type of link', '3206080910111807', 'the value 7 of ReportLink.link'],
    ['kind of path', '320a0809101118012a021009', 'the value 9 of BrokeredLink.path'],
    ['type of link to ask for', '5a06080910111809', 'the value 9 of AskConnection.link'],
    ['field of a command', '1a0508a7022001', 'a field of closeSession'],
    ['field beside the command', '1a0508a7021002b00601', 'a field of closeSession'],
    ['limit', '8201050a03a00205', 'a field of setLimits'],
  ])('with a %s that only a newer build knows is refused by its name', (_, content, part) => {
    const bytes = seal(FrameKind.RECORD, { revision: 7, part: 0 }, Buffer.from(content, 'hex'));
    const error = thrownBy(() => decodeRecord({ revision: 7, bytes }));
    expect(error).toMatchObject({ kind: 'version', revision: 7 });
    expect(error.message).toBe(
      `record 7 holds ${part}, which this build does not know. ` +
        'Nothing was changed. Start the newer version again, or restore a backup from before the upgrade.',
    );
  });

  it('of SetLimits or with a request id, fallback or server is of format 2, about identities or with an endorsement of 3, of RenewEpoch, servers and homes of 4, and as 0.1.0 wrote it of 1', () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        expect(formatOf(encodeRecord(7, command).bytes)).toBe(lowestFormat(command) ?? 1);
      }),
    );
  });

  it('has its format from a case for each kind of command, so that none gets one by default', () => {
    const source = readFileSync('src/journal/format/command-format.ts', 'utf8');
    const cases = [...source.matchAll(/^ {4}case '(\w+)':$/gm)].map(([, kind]) => kind);
    expect(cases.sort()).toEqual(Object.keys(COMMANDS).sort());
    expect(source).not.toMatch(/^ *default:/m);
  });

  it('says when it was stored, beside the command, and is of format 2 at least then', () => {
    fc.assert(
      fc.property(anyStamped, (command) => {
        const record = encodeRecord(7, command);
        expect(decodeRecord(record)).toStrictEqual(command);
        expect(formatOf(record.bytes)).toBe(lowestFormat(command) ?? 2);
        expect(CommandMessage.decode(record.bytes.subarray(6)).atMs).toBe(BigInt(command.storedAtMs!));
      }),
    );
  });

  it('has a limit that its writer did not know at the value of before', () => {
    const content = CommandMessage.encode({ kind: { $case: 'setLimits', value: { limits: { sessionsMax: 5 } } } });
    const bytes = seal(FrameKind.RECORD, { revision: 7, part: 0 }, content.finish(), 2);
    expect(decodeRecord({ revision: 7, bytes })).toEqual({
      kind: 'SetLimits',
      limits: { ...INITIAL_LIMITS, sessionsMax: 5 },
    });
  });

  it('takes the numbers of commands that the one plan for all designs gives', () => {
    const proto = readFileSync('src/journal/proto/switchyard/journal/v1/command.proto', 'utf8');
    const used = [...proto.matchAll(/^ {4}\w+ \w+ = (\d+);/gm)].map(([, number]) => Number(number));
    expect(used.filter((number) => number > 16)).toEqual([
      17, 18, 19, 20, 21, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    ]);
  });

  it.each<[string, Command]>([
    ['a fraction of a millisecond', { kind: 'RequestTermination', sid: 1, reason: '', deadlineMs: 0.5 }],
    ['a time that is no number', { kind: 'FoundNetwork', epoch: 'e', serverUuid: 'u', atMs: Number.NaN }],
    [
      'a parameter that is there and undefined',
      { kind: 'UpdateStreamParams', sid: 1, id: 1, params: { name: undefined } },
    ],
    [
      'a token hash that is no bytes',
      { kind: 'OpenSession', uuid: 'u', type: 2, flavor: 0, ttlMs: 1, name: '', labels: {}, tokenHash: 'ā', atMs: 0 },
    ],
  ])('cannot be made of %s, which would come back as another', (_, command) => {
    expect(() => encodeRecord(7, command)).toThrow();
  });
});
