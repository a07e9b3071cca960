#include <doctest/doctest.h>

#include <optional>
#include <utility>

#include "core/base/byte_io.hpp"
#include "core/client/engine.hpp"
#include "core/client/engine_codes.hpp"

namespace topgun {
namespace {

/// An engine whose host owns nothing but a timer.
class Timed {
 public:
  Timed() {
    run(client::Command::Open, 0, [](ByteWriter& out) {
      for (int i = 0; i < 3; ++i) out.u64(0);
      out.varint(0);
    });
    run(client::Command::Start, 0);
  }

  void run(client::Command command, uint64_t mono_ms) {
    run(command, mono_ms, [](ByteWriter&) {});
  }

  template <typename Fill>
  void run(client::Command command, uint64_t mono_ms, Fill&& fill) {
    Bytes request;
    ByteWriter out(request);
    out.u8(client::kEngineProtocolVersion);
    out.u64(1'700'000'000'000 + mono_ms);
    out.u64(mono_ms);
    const size_t length = out.begin_u32_length();
    out.u8(static_cast<uint8_t>(command));
    fill(out);
    out.end_u32_length(length);
    engine_.exec(request);
    read_events();
  }

  void go_online(uint64_t mono_ms) {
    run(client::Command::SetOnline, mono_ms, [](ByteWriter& out) { out.u8(1); });
  }

  /// The time asked for since the last call, if any.
  std::optional<uint64_t> take_wake_ms() { return std::exchange(wake_ms_, std::nullopt); }

  /// Whether a connection was asked for since the last call.
  bool take_connect() { return std::exchange(connect_, false); }

 private:
  void read_events() {
    ByteReader events(engine_.poll());
    while (!events.at_end()) {
      const uint32_t size = events.u32();
      ByteReader event(events.raw(size));
      const auto code = static_cast<client::Event>(event.u8());
      if (code == client::Event::Wake) wake_ms_ = event.u64();
      if (code == client::Event::Connect) connect_ = true;
    }
  }

  client::Engine engine_;
  std::optional<uint64_t> wake_ms_;
  bool connect_ = false;
};

}  // namespace

TEST_CASE("client: an entry with a time to live sets the timer, on- or offline") {
  Timed engine;
  engine.run(client::Command::OpenMap, 1'000, [](ByteWriter& out) {
    out.varint(1);
    out.u8(1);
    out.blob(as_bytes("map"));
  });
  CHECK_FALSE(engine.take_wake_ms().has_value());
  engine.run(client::Command::Set, 1'000, [](ByteWriter& out) {
    out.varint(1);
    out.blob(as_bytes("key"));
    out.varint(700);
    out.u8(0x01);
  });
  CHECK(engine.take_wake_ms() == 1'700);
}

TEST_CASE("client: a tick that comes too early is answered with the time to come again") {
  // Timers of hosts round, so that a tick may precede the time that was asked for by a millisecond.
  Timed engine;
  engine.go_online(1'000);
  CHECK(engine.take_connect());
  engine.run(client::Command::TransportClosed, 1'010);
  const std::optional<uint64_t> wake_ms = engine.take_wake_ms();
  REQUIRE(wake_ms.has_value());

  engine.run(client::Command::Tick, *wake_ms - 1);
  CHECK_FALSE(engine.take_connect());
  CHECK(engine.take_wake_ms() == wake_ms);

  engine.run(client::Command::Tick, *wake_ms);
  CHECK(engine.take_connect());
}

}  // namespace topgun
