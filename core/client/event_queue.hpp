#pragma once

#include "core/base/byte_io.hpp"
#include "core/client/engine_codes.hpp"

namespace topgun::client {

/// Events on their way to the host, encoded as they occur. Owns the bytes until they are taken.
class EventQueue {
 public:
  /// Appends an event; `fill(ByteWriter&)` writes its payload.
  template <typename Fill>
  void push(Event event, Fill&& fill) {
    ByteWriter out(bytes_);
    const size_t length = out.begin_u32_length();
    out.u8(static_cast<uint8_t>(event));
    fill(out);
    out.end_u32_length(length);
  }
  void push(Event event) {
    push(event, [](ByteWriter&) {});
  }

  Bytes take() {
    Bytes taken;
    take_into(taken);
    return taken;
  }

  /// As `take`, in exchange for the memory of what was taken before, unless that is much.
  void take_into(Bytes& taken) {
    taken.clear();
    if (taken.capacity() > kReusedBytesMax) taken = Bytes();
    taken.swap(bytes_);
  }

 private:
  static constexpr size_t kReusedBytesMax = 64 * 1024;

  Bytes bytes_;
};

}  // namespace topgun::client
