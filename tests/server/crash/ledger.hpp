#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/sync/batch.hpp"
#include "core/sync/messages.hpp"
#include "tests/server/support/websocket_client.hpp"

namespace topgun::test {

/// One client replica that writes and keeps account of what it was promised. Lives longer than any
/// connection: what was not acknowledged is offered again to the next server, as an outbox does.
///
/// Keys are its own, so the last acknowledged write of a key says what a reader must find at least,
/// and the last one sent what it may find at most.
class Writer {
 public:
  explicit Writer(uint64_t replica) : replica_{replica} {}

  /// Connects, says Hello and offers the outbox again.
  bool connect(uint16_t port);
  void disconnect() { socket_.reset(); }

  /// Sends one batch of `count` new writes.
  void write(uint64_t count, uint64_t now_ms);

  /// Takes in what has arrived; waits at most `timeout_ms` for the first frame. False if the
  /// connection has ended.
  bool read(int timeout_ms);

  /// Nothing is waiting for its ack.
  bool is_settled() const { return outbox_.empty(); }
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t issued() const { return sequence_; }
  /// How often the server said `ReadOnly`. From then on writes wait in the outbox.
  uint64_t put_offs() const { return put_offs_; }
  bool is_put_off() const { return is_put_off_; }
  /// Offers the outbox again, as a client does when the time the server named is over.
  void offer_again();

  /// Why this run says nothing: a refused write or broken bytes. Empty if all is well.
  const std::string& protocol_problem() const { return problem_; }

  ReplicaId replica() const { return replica_; }
  /// key -> sequence of its last acknowledged and of its last issued write.
  const std::map<std::string, uint64_t>& promised() const { return promised_; }
  const std::map<std::string, uint64_t>& offered() const { return offered_; }
  uint64_t counter_promised() const { return counter_promised_; }
  uint64_t counter_offered() const { return counter_; }

  static constexpr std::string_view kMap = "ledger";
  static constexpr std::string_view kCounterMap = "totals";

 private:
  struct Sent {
    uint64_t last_sequence = 0;
    Bytes batch;
    std::vector<std::pair<std::string, uint64_t>> writes;
    uint64_t counter = 0;
  };

  void send(const Sent& sent);
  void take_frame(ByteView frame);
  void take_ack(uint64_t sequence);
  void take_error(ByteView payload);

  ReplicaId replica_;
  uint64_t sequence_ = 0;
  uint64_t last_ms_ = 0;
  uint64_t instance_ = 0;
  std::optional<WebSocketClient> socket_;
  bool welcomed_ = false;
  std::deque<Sent> outbox_;
  uint64_t acknowledged_ = 0;
  std::map<std::string, uint64_t> promised_;
  std::map<std::string, uint64_t> offered_;
  uint64_t counter_ = 0;
  uint64_t counter_promised_ = 0;
  uint64_t put_offs_ = 0;
  bool is_put_off_ = false;
  std::string problem_;
};

/// What a reader finds on a server: the sequence stored under each key, and the positive total of
/// each replica's counter.
struct Snapshot {
  std::map<std::string, uint64_t> values;
  std::map<uint64_t, uint64_t> totals;
};

/// Subscribes to both maps of the ledger and takes their records. Nothing if the server does not
/// answer in time.
std::optional<Snapshot> read_snapshot(uint16_t port);

/// What `snapshot` lacks of what the writer was promised; empty if it lacks nothing.
std::string find_loss(const Writer& writer, const Snapshot& snapshot);

}  // namespace topgun::test
