#pragma once

#include <deque>
#include <string>

#include "host-native/net/websocket_codec.hpp"
#include "tests/bench/load/http_transport.hpp"
#include "tests/bench/load/latency_histogram.hpp"
#include "tests/bench/load/load_options.hpp"

namespace topgun::bench {

/// Operation frames with everything encoded that does not change from send to send, so that the
/// generator costs little beside what it measures. Each template holds `batch` writes to keys drawn
/// at random, with stamp counters of its own: stamps stay unique until the templates wrap round.
class FrameTemplates {
 public:
  explicit FrameTemplates(const LoadOptions& options);

  /// An Operations message: what changes from send to send, and the template behind it.
  struct Message {
    Bytes head;
    ByteView body;
    size_t size() const { return head.size() + body.size(); }
  };
  /// The message of template `index` (modulo `count`). Borrows the template.
  Message message(size_t index, uint64_t replica, uint64_t first_sequence, uint64_t time_ms) const;

  size_t count() const { return bodies_.size(); }

 private:
  std::string map_;
  uint32_t batch_;
  std::vector<Bytes> bodies_;
};

/// Figures of the whole run.
struct LoadTotals {
  uint64_t operations_acked = 0;
  uint64_t operations_rejected = 0;
  uint64_t errors = 0;
  LatencyHistogram latency;
};

/// One client: keeps `inflight` frames under way, after a Hello over a WebSocket, or each with its
/// Hello as a request.
class LoadConnection {
 public:
  LoadConnection(const LoadOptions& options, const FrameTemplates& templates, uint64_t replica);
  ~LoadConnection();
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  /// Connects, upgrades and exchanges Hello and Welcome, blocking. What went wrong, or empty.
  std::string open();

  int fd() const { return fd_; }
  bool failed() const { return failed_; }
  bool wants_write() const { return !output_.empty(); }
  bool idle() const { return sent_.empty(); }

  /// Fills the window with frames stamped at `wall_ms` and sends what the socket takes.
  void fill(uint64_t wall_ms, uint64_t now_us);
  void write();
  /// Takes in acks.
  void read(uint64_t now_us, LoadTotals& totals);

 private:
  struct Sent {
    uint64_t last_sequence;
    uint64_t at_us;
  };
  std::string upgrade();
  void send_message(const FrameTemplates::Message& message);
  void take_answers(ByteView bytes, uint64_t now_us, LoadTotals& totals);
  void take_websocket(std::span<uint8_t> bytes, uint64_t now_us, LoadTotals& totals);
  void take_frame(ByteView frame, uint64_t now_us, LoadTotals& totals);

  const LoadOptions& options_;
  const FrameTemplates& templates_;
  uint64_t replica_;
  int fd_ = -1;
  bool failed_ = false;
  bool welcomed_ = false;
  uint64_t next_sequence_ = 1;
  uint64_t acked_ = 0;
  size_t next_template_;
  uint64_t last_time_ms_ = 0;
  std::deque<Sent> sent_;
  Bytes output_;
  size_t output_sent_ = 0;
  Bytes input_;
  Bytes opening_;  ///< Hello and Exchange, in front of each request.
  HttpAnswerReader answers_;
  host::WebSocketDecoder decoder_{host::WebSocketDecoder::Reads::ServerFrames};
};

}  // namespace topgun::bench
