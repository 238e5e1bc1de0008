// What must hold of the codec for any bytes. Each check throws when it does not.
import assert from 'node:assert/strict';

const CHUNKS = [1, 2, 3, 5, 8, 13];

/** The checks over one build of the codec, by reading. */
export function oracleOf({ body, bytes, event, flaw, frame, packet }) {
  const { Flaw } = flaw;
  const answers = Object.entries(event.EVENTS).filter(([, { answerTable }]) => answerTable !== undefined);

  function checkFlaw(found, input) {
    assert(found.offset >= 0 && found.offset <= input.length, 'the offset lies within the input');
    assert(found.description !== '', 'a flaw says what is wrong');
  }

  /** Compiled and interpreted agree, and what was read is written and read again as the same. */
  function checkBody(table, input, start) {
    const read = body.decodeBody(table, input, start);
    assert.deepStrictEqual(read, body.interpretBody(table, input, start, input.length));
    if (read instanceof Flaw) return checkFlaw(read, input);
    const [fast, slow] = [new bytes.ByteWriter(), new bytes.ByteWriter()];
    body.encodeBody(table, fast, read);
    body.interpretEncoding(table, slow, read);
    const encoding = fast.finish();
    assert.deepStrictEqual(encoding, slow.finish());
    assert(encoding.length <= Math.max(1, input.length - start), 'the one encoding is not longer');
    assert.deepStrictEqual(body.decodeBody(table, encoding), read);
  }

  function checkEvent(input, receiver) {
    const read = event.decodeEvent(input, receiver);
    if (read instanceof Flaw) checkFlaw(read, input);
    const type = Object.values(event.EVENTS).find(({ number }) => number === input[0]);
    if (type !== undefined) checkBody(type.table, input, 1);
  }

  function checkPacket(input) {
    const read = packet.decodePacket(input);
    if (read instanceof Flaw) return checkFlaw(read, input);
    const writer = new bytes.ByteWriter();
    packet.encodePacketHeader(writer, read);
    writer.bytes(read.body);
    assert.deepStrictEqual(writer.finish(), input);
  }

  /** However the bytes are cut into chunks, the packets and the end are the same. */
  function checkFrames(input) {
    const runs = [input.length, ...CHUNKS].map((size) => {
      const reader = new frame.FrameReader(65_536);
      const packets = [];
      let end;
      for (let at = 0; at < input.length; at += size) {
        end = reader.push(input.slice(at, at + size), (one) => packets.push(one.slice()));
        assert(reader.heldBytes <= input.length, 'no more is held than came');
      }
      return { packets, reason: end?.reason, held: end === undefined ? reader.heldBytes : 0 };
    });
    for (const run of runs) assert.deepStrictEqual(run, runs[0]);
  }

  return {
    'to-server': (input) => checkEvent(input, 'server'),
    'to-client': (input) => checkEvent(input, 'client'),
    packet: checkPacket,
    frames: checkFrames,
    ...Object.fromEntries(
      answers.map(([name, { answerTable }]) => [`answer-to ${name}`, (input) => checkBody(answerTable, input, 0)]),
    ),
  };
}
