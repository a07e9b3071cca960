// What does it cost to receive a masked frame? wslay's event API, wslay's frame API and our decoder
// over the same bytes. Prints JSON lines; docs/decisions/0010-websocket-codec.md quotes them.
// usage: topgun-bench-websocket [payload bytes] [rounds]

#include <time.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host-native/net/websocket_codec.hpp"

namespace topgun::bench {
namespace {

constexpr size_t kDepth = 64;

double cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// What one read from a socket would have brought, and what was made of it.
struct Input {
  ByteView rest;
  uint64_t frames = 0;
  uint64_t digest = 0;

  size_t take(uint8_t* out, size_t size) {
    size = std::min(size, rest.size());
    std::memcpy(out, rest.data(), size);
    rest = rest.subspan(size);
    return size;
  }
};

void wslay_event(const Bytes& wire, size_t rounds, Input& input) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = [](wslay_event_context_ptr context, uint8_t* out, size_t size, int,
                               void* self) -> ssize_t {
    const size_t taken = static_cast<Input*>(self)->take(out, size);
    if (taken > 0) return static_cast<ssize_t>(taken);
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  };
  callbacks.on_msg_recv_callback = [](wslay_event_context_ptr,
                                      const wslay_event_on_msg_recv_arg* message, void* self) {
    ++static_cast<Input*>(self)->frames;
    static_cast<Input*>(self)->digest += message->msg[0];
  };
  wslay_event_context_ptr context = nullptr;
  wslay_event_context_server_init(&context, &callbacks, &input);
  for (size_t round = 0; round < rounds; ++round) {
    input.rest = wire;
    if (wslay_event_recv(context) != 0) break;
  }
  wslay_event_context_free(context);
}

void wslay_frame(const Bytes& wire, size_t rounds, Input& input) {
  wslay_frame_callbacks callbacks{};
  callbacks.recv_callback = [](uint8_t* out, size_t size, int, void* self) -> ssize_t {
    const size_t taken = static_cast<Input*>(self)->take(out, size);
    return taken > 0 ? static_cast<ssize_t>(taken) : -1;
  };
  wslay_frame_context_ptr context = nullptr;
  wslay_frame_context_init(&context, &callbacks, &input);
  for (size_t round = 0; round < rounds; ++round) {
    input.rest = wire;
    uint64_t received = 0;
    while (true) {
      wslay_frame_iocb frame{};
      const ssize_t size = wslay_frame_recv(context, &frame);
      if (size <= 0) break;
      if (received == 0) input.digest += frame.data[0];
      received += static_cast<uint64_t>(size);
      if (received < frame.payload_length) continue;
      received = 0;
      ++input.frames;
    }
  }
  wslay_frame_context_free(context);
}

void own_decoder(const Bytes& wire, size_t rounds, Input& input) {
  host::WebSocketDecoder decoder(host::WebSocketDecoder::Reads::ClientFrames);
  Bytes received(wire.size());
  for (size_t round = 0; round < rounds; ++round) {
    input.rest = wire;
    input.take(received.data(), received.size());
    std::span<uint8_t> rest(received);
    while (true) {
      const auto item = decoder.next(rest, 1 << 20);
      if (item.kind != host::WebSocketDecoder::Kind::Message) break;
      ++input.frames;
      input.digest += item.payload[0];
      rest = rest.subspan(item.consumed);
    }
  }
}

int run(size_t payload_bytes, size_t rounds) {
  Bytes wire;
  for (size_t i = 0; i < kDepth; ++i) {
    const Bytes payload(payload_bytes, static_cast<uint8_t>(i));
    host::append_client_frame(wire, host::WebSocketOpcode::Binary, payload,
                              0x9e3779b9u * static_cast<uint32_t>(i + 1));
  }
  struct Contender {
    const char* name;
    void (*receive)(const Bytes&, size_t, Input&);
  };
  constexpr Contender kContenders[] = {
      {"wslay_event", wslay_event}, {"wslay_frame", wslay_frame}, {"own", own_decoder}};
  for (const Contender& contender : kContenders) {
    Input input;
    const double start = cpu_us();
    contender.receive(wire, rounds, input);
    const double spent = cpu_us() - start;
    const bool complete = input.frames == kDepth * rounds;
    std::printf(
        "{\"suite\":\"websocket\",\"case\":\"%s/%zu\",\"metric\":\"cpu\",\"value\":%.4f,"
        "\"unit\":\"us/frame\",\"digest\":%llu}\n",
        contender.name, payload_bytes, spent / static_cast<double>(input.frames),
        static_cast<unsigned long long>(input.digest));
    if (!complete) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace topgun::bench

int main(int argc, char** argv) {
  const size_t payload_bytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 64;
  const size_t rounds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000;
  if (payload_bytes == 0 || rounds == 0) return 2;
  return topgun::bench::run(payload_bytes, rounds);
}
