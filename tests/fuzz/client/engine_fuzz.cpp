#include <cstdint>
#include <cstdlib>

#include "core/base/byte_io.hpp"
#include "core/client/engine.hpp"
#include "core/client/engine_codes.hpp"
#include "core/dataflow/client_queries.hpp"

/// Whatever a host, a store or a node hands to the engine: it answers with codes and goes on. The
/// input is a list of commands (u8 code, u8 size, payload) run on an engine that was opened, has
/// one stored row made of the input's head, three open maps and a connection.

namespace {

using namespace topgun;
using client::Command;

void run(client::Engine& engine, Command code, ByteView payload) {
  Bytes request;
  ByteWriter out(request);
  out.u8(client::kEngineProtocolVersion);
  out.u64(1'700'000'000'000);
  out.u64(1'000);
  out.u32(static_cast<uint32_t>(payload.size() + 1));
  out.u8(static_cast<uint8_t>(code));
  out.raw(payload);
  if (engine.exec(request).empty()) std::abort();
  engine.poll();
}

void open(client::Engine& engine, ByteView row) {
  Bytes payload;
  ByteWriter out(payload);
  out.u64(1);
  out.u64(2);
  out.u64(0);
  out.varint(0);
  run(engine, Command::Open, payload);
  payload.clear();
  out.blob(as_bytes("j0000000000000001"));
  out.blob(row);
  run(engine, Command::LoadRow, payload);
  run(engine, Command::Start, {});
  for (uint8_t kind = 1; kind <= 3; ++kind) {
    payload.clear();
    out.varint(kind);
    out.u8(kind);
    out.blob(as_bytes("map"));
    run(engine, Command::OpenMap, payload);
  }
  const uint8_t online = 1;
  run(engine, Command::SetOnline, {&online, 1});
  run(engine, Command::TransportOpened, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  client::Engine engine(&dataflow::ClientQueries::make);
  open(engine, input.first(size / 2));
  // The raw bytes as a request of their own, framing included.
  engine.exec(input);
  engine.poll();
  ByteReader in(input);
  while (in.ok() && in.remaining() >= 2) {
    const auto code = static_cast<Command>(in.u8());
    run(engine, code, in.raw(std::min<size_t>(in.u8(), in.remaining())));
  }
  return 0;
}
