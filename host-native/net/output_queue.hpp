#pragma once

#include <sys/uio.h>

#include <vector>

#include "core/node/effects.hpp"
#include "host-native/net/websocket_codec.hpp"

namespace topgun::host {

/// What a connection still has to send: shared payloads, each behind a small header of its own.
/// Payloads are never copied while they wait, however many connections wait with the same one.
class OutputQueue {
 public:
  /// One binary message, ping, pong or close frame.
  void push_frame(WebSocketOpcode opcode, node::SharedBytes payload);
  /// Bytes as they are, for HTTP.
  void push_raw(node::SharedBytes bytes);

  bool empty() const { return first_ == segments_.size(); }
  /// Bytes that wait, headers included.
  size_t bytes() const { return bytes_; }

  /// One system call's worth of the front of the queue. Small payloads are copied together, because
  /// a vector entry costs the kernel more than the copy of a few hundred bytes; large ones are
  /// pointed at. Pointers are valid until the queue or `Batch` changes.
  struct Batch {
    static constexpr size_t kScratchBytes = 64 * 1024;
    static constexpr size_t kVectorsMax = 128;
    static constexpr size_t kCopyBytesMax = 512;

    Bytes scratch = Bytes(kScratchBytes);
    size_t scratch_used = 0;
    std::vector<iovec> vectors;
    size_t bytes = 0;
  };
  void gather(Batch& batch) const;

  /// Drops `bytes` from the front: they were sent.
  void advance(size_t bytes);

  void clear();

 private:
  struct Segment {
    uint8_t header[kWebSocketHeaderBytesMax] = {};
    uint8_t header_size = 0;
    node::SharedBytes payload;
    size_t size() const { return header_size + payload->size(); }
  };

  std::vector<Segment> segments_;
  size_t first_ = 0;       ///< Segments before it are sent.
  size_t first_sent_ = 0;  ///< Bytes of the first segment that are sent.
  size_t bytes_ = 0;
};

}  // namespace topgun::host
