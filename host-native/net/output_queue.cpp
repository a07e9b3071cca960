#include "host-native/net/output_queue.hpp"

#include <cstring>

#include "core/base/assert.hpp"

namespace topgun::host {

void OutputQueue::push_frame(WebSocketOpcode opcode, node::SharedBytes payload) {
  Segment& segment = segments_.emplace_back();
  segment.header_size =
      static_cast<uint8_t>(write_websocket_header(segment.header, opcode, payload->size()));
  segment.payload = std::move(payload);
  bytes_ += segment.size();
}

void OutputQueue::push_raw(node::SharedBytes bytes) {
  Segment& segment = segments_.emplace_back();
  segment.payload = std::move(bytes);
  bytes_ += segment.size();
}

void OutputQueue::gather(Batch& batch) const {
  batch.scratch_used = 0;
  batch.vectors.clear();
  batch.bytes = 0;
  size_t skip = first_sent_;

  const auto point_at = [&batch](const uint8_t* data, size_t size) {
    batch.vectors.push_back({const_cast<uint8_t*>(data), size});
    batch.bytes += size;
  };
  const auto copy = [&batch, &point_at](const uint8_t* data, size_t size) {
    uint8_t* to = batch.scratch.data() + batch.scratch_used;
    std::memcpy(to, data, size);
    batch.scratch_used += size;
    const bool extends =
        !batch.vectors.empty() &&
        static_cast<uint8_t*>(batch.vectors.back().iov_base) + batch.vectors.back().iov_len == to;
    if (!extends) return point_at(to, size);
    batch.vectors.back().iov_len += size;
    batch.bytes += size;
  };

  for (size_t i = first_; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (batch.vectors.size() + 2 > Batch::kVectorsMax) break;
    if (batch.scratch_used + kWebSocketHeaderBytesMax + Batch::kCopyBytesMax >
        Batch::kScratchBytes) {
      break;
    }
    if (skip < segment.header_size) {
      copy(segment.header + skip, segment.header_size - skip);
      skip = 0;
    } else {
      skip -= segment.header_size;
    }
    const size_t payload_size = segment.payload->size() - skip;
    if (payload_size > Batch::kCopyBytesMax) {
      point_at(segment.payload->data() + skip, payload_size);
    } else if (payload_size > 0) {
      copy(segment.payload->data() + skip, payload_size);
    }
    skip = 0;
  }
}

void OutputQueue::advance(size_t bytes) {
  TG_ASSERT(bytes <= bytes_);
  bytes_ -= bytes;
  bytes += first_sent_;
  while (first_ < segments_.size() && bytes >= segments_[first_].size()) {
    bytes -= segments_[first_].size();
    segments_[first_].payload.reset();
    ++first_;
  }
  first_sent_ = bytes;
  if (empty()) return clear();
  // A queue that never runs dry must not keep what it sent.
  if (first_ > 64 && first_ * 2 > segments_.size()) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutputQueue::clear() {
  segments_.clear();
  first_ = 0;
  first_sent_ = 0;
  bytes_ = 0;
}

}  // namespace topgun::host
