/* Reads test vectors and tells what came of them, a line of JSON for each: vectors < LINES. A line is `READING HEX`. */
#define SWITCHYARD_NAMES
#include "switchyard.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest vector, in bytes; each is read from memory of its own size, so that a byte too far is found. */
#define VECTOR_BYTES_MAX 262144
#define FRAME_BYTES_MAX 65536

static char line[2 * VECTOR_BYTES_MAX + 256];
static uint8_t written[VECTOR_BYTES_MAX];

static void print_hex(swy_bytes bytes) {
  for (size_t i = 0; i < bytes.length; i++) printf("%02x", bytes.at[i]);
}

static void print_text(swy_bytes text) {
  putchar('"');
  for (size_t i = 0; i < text.length; i++) {
    const uint8_t byte = text.at[i];
    if (byte < 0x20 || byte == '"' || byte == '\\')
      printf("\\u%04x", byte);
    else
      putchar(byte);
  }
  putchar('"');
}

static void print_uuid(swy_bytes uuid) {
  putchar('"');
  for (size_t i = 0; i < uuid.length; i++) printf(i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid.at[i]);
  putchar('"');
}

static void print_body(const swy_table *table, swy_bytes body);

static void print_value(const swy_field *field, swy_bytes value) {
  switch (field->kind) {
    case SWY_KIND_STRUCTURE:
      print_body(swy_table_at(field->table), value);
      return;
    case SWY_KIND_TEXT:
      print_text(value);
      return;
    case SWY_KIND_UUID:
      print_uuid(value);
      return;
    case SWY_KIND_BYTES:
      putchar('"');
      print_hex(value);
      putchar('"');
      return;
    case SWY_KIND_BOOL:
      printf(swy_number(value) ? "true" : "false");
      return;
    default:
      printf("%llu", (unsigned long long)swy_number(value));
  }
}

static void print_body(const swy_table *table, swy_bytes body) {
  const char *before = "";
  putchar('{');
  for (int i = 0; i < table->count; i++) {
    const swy_field *field = &table->fields[i];
    const bool is_list = field->presence == SWY_REPEATED;
    swy_bytes rest = body;
    swy_cell cell;
    int count = 0;
    while (swy_next_cell(&rest, &cell)) {
      if (cell.key != field->key) continue;
      if (count == 0)
        printf("%s\"%s\":%s", before, field->name, is_list ? "[" : "");
      else
        putchar(',');
      print_value(field, cell.value);
      count++;
      before = ",";
    }
    if (count > 0 && is_list) putchar(']');
  }
  putchar('}');
}

/* Writes a body again, as the one encoding that it has. */
static void write_body(swy_writer *writer, const swy_table *table, swy_bytes body) {
  const size_t mark = swy_begin_body(writer);
  for (int i = 0; i < table->count; i++) {
    const swy_field *field = &table->fields[i];
    swy_bytes rest = body;
    swy_cell cell;
    while (swy_next_cell(&rest, &cell)) {
      if (cell.key != field->key) continue;
      if (field->kind == SWY_KIND_STRUCTURE) {
        const size_t structure = swy_begin_structure(writer, cell.key);
        write_body(writer, swy_table_at(field->table), cell.value);
        swy_end_structure(writer, structure);
      } else if (field->kind <= SWY_KIND_BOOL) {
        swy_put_number(writer, cell.key, swy_number(cell.value), cell.value.length);
      } else {
        swy_put_cell(writer, cell.key, cell.value.at, cell.value.length);
      }
    }
  }
  swy_end_body(writer, mark);
}

static void print_encoding(const swy_writer *writer) {
  const swy_bytes encoding = {writer->bytes, writer->length};
  printf(",\"encoding\":\"");
  print_hex(encoding);
  printf("\"}\n");
}

static void print_mistake(swy_mistake mistake) {
  printf("{\"reason\":%u,\"offset\":%zu}\n", mistake.reason, mistake.offset);
}

static void tell_event(swy_bytes bytes, uint8_t receiver) {
  swy_event event;
  const swy_mistake mistake = swy_read_event(bytes, receiver, &event);
  if (mistake.reason != 0) {
    print_mistake(mistake);
    return;
  }
  const swy_table *table = swy_table_at(event.type->table);
  printf("{\"value\":{\"type\":\"%s\",\"body\":", event.type->name);
  print_body(table, event.body);
  putchar('}');
  swy_writer writer = swy_write_into(written, sizeof written);
  swy_begin_event(&writer, event.type->number);
  write_body(&writer, table, event.body);
  print_encoding(&writer);
}

static void tell_answer(const char *name, swy_bytes data) {
  for (size_t i = 0; i < SWY_TYPES; i++) {
    const swy_type *type = &swy_types[i];
    if (strcmp(type->name, name) != 0) continue;
    const swy_mistake mistake = swy_check_answer(type, data);
    if (mistake.reason != 0) {
      print_mistake(mistake);
      return;
    }
    printf("{\"value\":");
    print_body(swy_table_at(type->answer_table), data);
    swy_writer writer = swy_write_into(written, sizeof written);
    write_body(&writer, swy_table_at(type->answer_table), data);
    print_encoding(&writer);
  }
}

static void tell_packet(swy_bytes bytes) {
  swy_packet packet;
  const swy_mistake mistake = swy_read_packet(bytes, &packet);
  if (mistake.reason != 0) {
    print_mistake(mistake);
    return;
  }
  const char *words[] = {"false", "true"};
  printf("{\"value\":{\"stream_id\":%u,\"event\":%s,", packet.stream_id, words[(packet.flags & SWY_FLAG_EVENT) != 0]);
  printf("\"compressed\":%s,", words[(packet.flags & SWY_FLAG_COMPRESSED) != 0]);
  printf("\"noise\":%s,", words[(packet.flags & SWY_FLAG_NOISE) != 0]);
  if ((packet.flags & SWY_FLAG_PACKET_ID) != 0) printf("\"packet_id\":%u,", packet.packet_id);
  printf("\"body\":\"");
  print_hex(packet.body);
  printf("\"}");
  swy_writer writer = swy_write_into(written, sizeof written);
  swy_put_packet_header(&writer, packet.stream_id, packet.flags, packet.packet_id);
  swy_put(&writer, packet.body.at, packet.body.length);
  print_encoding(&writer);
}

static void tell_frames(swy_bytes input) {
  swy_writer writer = swy_write_into(written, sizeof written);
  swy_bytes packet;
  int taken;
  const char *before = "";
  printf("{\"value\":{\"packets\":[");
  while ((taken = swy_take_frame(&input, FRAME_BYTES_MAX, &packet)) == 1) {
    printf("%s\"", before);
    print_hex(packet);
    putchar('"');
    before = ",";
    const size_t mark = swy_begin_frame(&writer);
    swy_put(&writer, packet.at, packet.length);
    swy_end_frame(&writer, mark);
  }
  if (taken == 0)
    printf("],\"held\":%zu}", input.length);
  else
    printf("],\"reason\":%d}", SWY_REASON_TOO_LARGE);
  print_encoding(&writer);
}

/* The bytes of hex digits, in memory of their own size. */
static swy_bytes parse_hex(const char *digits) {
  const size_t length = strspn(digits, "0123456789abcdef") / 2;
  uint8_t *bytes = malloc(length);
  for (size_t i = 0; i < length; i++) {
    const char pair[3] = {digits[2 * i], digits[2 * i + 1], 0};
    bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  const swy_bytes parsed = {bytes, length};
  return parsed;
}

int main(void) {
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *digits = strrchr(line, ' ');
    if (digits == NULL) return 1;
    *digits++ = 0;
    const swy_bytes bytes = parse_hex(digits);
    if (strcmp(line, "to-server") == 0) tell_event(bytes, SWY_C2S);
    if (strcmp(line, "to-client") == 0) tell_event(bytes, SWY_S2C);
    if (strcmp(line, "packet") == 0) tell_packet(bytes);
    if (strcmp(line, "frames") == 0) tell_frames(bytes);
    if (strncmp(line, "answer-to ", 10) == 0) tell_answer(line + 10, bytes);
    free((void *)bytes.at);
  }
  return 0;
}
