/* Opens a session over a socket, prints its SID, and leaves: example HOST PORT. The server needs `--system-tcp-listen HOST:PORT`. */
#include "switchyard.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES_MAX 65536

static uint8_t received[SWY_FRAME_HEADER_BYTES + PACKET_BYTES_MAX];
static size_t received_length;

static int dial(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  const int socket_fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
  const int outcome = socket_fd < 0 ? -1 : connect(socket_fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return outcome < 0 ? -1 : socket_fd;
}

static bool send_all(int socket_fd, const swy_writer *writer) {
  if (writer->is_full) return false;
  for (size_t sent = 0; sent < writer->length;) {
    const ssize_t count = write(socket_fd, writer->bytes + sent, writer->length - sent);
    if (count <= 0) return false;
    sent += (size_t)count;
  }
  return true;
}

/* Waits for the Answer to a packet; false: the connection ended, or it was refused. */
static bool read_answer(int socket_fd, uint32_t packet_id, uint8_t type, swy_bytes *data) {
  for (;;) {
    swy_bytes input = {received, received_length}, bytes;
    swy_packet packet;
    swy_event event;
    const int taken = swy_take_frame(&input, PACKET_BYTES_MAX, &bytes);
    if (taken < 0) return false;
    if (taken == 0) {
      const ssize_t count = read(socket_fd, received + received_length, sizeof received - received_length);
      if (count <= 0) return false;
      received_length += (size_t)count;
      continue;
    }
    if (swy_read_packet(bytes, &packet).reason != 0) return false;
    const bool is_event = (packet.flags & (SWY_FLAG_EVENT | SWY_FLAG_NOISE)) == SWY_FLAG_EVENT;
    const bool is_sound = is_event && swy_read_event(packet.body, SWY_S2C, &event).reason == 0;
    if (is_sound && event.type->number == SWY_TYPE_ANSWER && packet.packet_id == packet_id) {
      if (swy_number_of(event.body, SWY_ANSWER_CODE, 0) != 0) return false;
      return swy_find(event.body, SWY_ANSWER_DATA, data) && swy_check_answer(swy_type_of(type), *data).reason == 0;
    }
    received_length = input.length;
    memmove(received, input.at, input.length);
  }
}

/* Writes a request in a frame; its cells stand between this and end_request. */
static size_t begin_request(swy_writer *writer, uint32_t packet_id, uint8_t type, size_t *body) {
  const size_t frame = swy_begin_frame(writer);
  swy_put_packet_header(writer, 0, SWY_FLAG_EVENT | SWY_FLAG_PACKET_ID, packet_id);
  *body = swy_begin_event(writer, type);
  return frame;
}

int main(int count, char **args) {
  static const uint8_t uuid[16] = {0x6f, 0x1d, 0x2c, 0x3b, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0x90, 0x0c};
  uint8_t buffer[256];
  size_t body;
  swy_bytes data;
  const int server = count == 3 ? dial(args[1], args[2]) : -1;
  if (server < 0) return fprintf(stderr, "no server there; example HOST PORT\n"), 1;

  swy_writer writer = swy_write_into(buffer, sizeof buffer);
  size_t frame = begin_request(&writer, 1, SWY_TYPE_SESSION, &body);
  swy_put_cell(&writer, SWY_SESSION_INSTANCE_UUID, uuid, sizeof uuid);
  swy_put_number(&writer, SWY_SESSION_INSTANCE_TYPE, 2, 1);
  swy_put_text(&writer, SWY_SESSION_NAME, "an example in C");
  swy_end_body(&writer, body);
  swy_end_frame(&writer, frame);
  if (!send_all(server, &writer) || !read_answer(server, 1, SWY_TYPE_SESSION, &data))
    return fprintf(stderr, "no session\n"), 1;
  printf("session %llu\n", (unsigned long long)swy_number_of(data, SWY_SESSION_ANSWER_INSTANCE_SID, 0));

  received_length = 0;
  writer = swy_write_into(buffer, sizeof buffer);
  frame = begin_request(&writer, 2, SWY_TYPE_TERMINATE_SESSION, &body);
  swy_end_body(&writer, body);
  swy_end_frame(&writer, frame);
  if (!send_all(server, &writer) || !read_answer(server, 2, SWY_TYPE_TERMINATE_SESSION, &data))
    return fprintf(stderr, "no goodbye\n"), 1;
  printf("left\n");
  return close(server);
}
