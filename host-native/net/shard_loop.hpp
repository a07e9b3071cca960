#pragma once

#include <deque>
#include <queue>
#include <variant>

#include "core/node/shard.hpp"
#include "host-native/log/logger.hpp"
#include "host-native/net/connection.hpp"
#include "host-native/net/doorbell.hpp"
#include "host-native/net/durable_board.hpp"
#include "host-native/net/http_handler.hpp"
#include "host-native/net/loop_stats.hpp"
#include "host-native/net/mailbox.hpp"
#include "host-native/storage/storage_engine.hpp"

namespace topgun::host {

/// Limits of the host; those of the protocol are in `node::ShardLimits`.
struct NetLimits {
  uint32_t connections_max = 100'000;  ///< Of one shard.
  uint32_t handshake_timeout_ms = 10'000;
  uint32_t http_idle_timeout_ms = 60'000;
  /// From the first byte of an HTTP request to its last.
  uint32_t request_timeout_ms = 30'000;
  /// A stream of events that is silent for this long gets a comment.
  uint32_t heartbeat_ms = 15'000;
  uint32_t close_timeout_ms = 2'000;
  /// Above this much unsent output a connection is not read; above four times that it is closed.
  uint32_t output_bytes_max = 4u << 20;
  /// TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged.
  uint32_t peer_timeout_ms = 20'000;
  HttpLimits http;
};

struct ShardLoopOptions {
  node::ShardOptions shard;
  NetLimits net;
  /// Borrowed for the life of the loop, like every pointer here.
  TlsContext* tls = nullptr;
  StorageEngine* storage = nullptr;
  DurableBoard* durable = nullptr;
  HttpHandler* http = nullptr;
  const Logger* logger = nullptr;
};

/// The event loop of one shard thread: sockets, mailbox and storage notices become events of the
/// shard, its effects become log entries, posts and bytes. A turn reads from every socket that is
/// ready, steps the shard, and writes to each connection once.
///
/// Only the methods in the group "any thread" may be called while `run` is on.
class ShardLoop {
 public:
  explicit ShardLoop(ShardLoopOptions options);
  ~ShardLoop();
  ShardLoop(const ShardLoop&) = delete;
  ShardLoop& operator=(const ShardLoop&) = delete;

  // --- before run ---

  /// All loops of the node by shard number, this one included.
  void set_peers(std::vector<ShardLoop*> peers) { peers_ = std::move(peers); }
  void set_storage(StorageEngine* storage) { options_.storage = storage; }
  /// Accepts from this listening socket and deals connections out over all shards. Takes the
  /// descriptor over.
  void listen_on(int fd);
  node::Shard& shard() { return shard_; }

  /// Serves until a drain is complete.
  void run();

  // --- any thread ---

  void post(node::ShardMessage message);
  /// Takes over an accepted socket.
  void adopt(int fd, bool loopback);
  /// The durable board has news.
  void wake() { doorbell_.ring(); }
  void log_failed(Error error);
  void log_recovered();
  void request_checkpoint();
  /// The answer to a request that `HttpHandler::handle` left open.
  void answer(node::ConnectionId connection, HttpResponse response);
  /// Ends sessions, closes connections and lets `run` return, within a few seconds.
  void drain();
  const LoopStats& stats() const { return stats_; }
  const RequestTimes& request_times() const { return request_times_; }

 private:
  struct AdoptSocket {
    int fd;
    bool loopback;
  };
  struct LogFailed {
    Error error;
  };
  struct LogRecovered {};
  struct CheckpointWanted {};
  struct Answer {
    node::ConnectionId connection;
    HttpResponse response;
  };
  struct Drain {};
  using Notice = std::variant<node::ShardMessage, AdoptSocket, LogFailed, LogRecovered,
                              CheckpointWanted, Answer, Drain>;

  // shard_loop.cpp: the turn
  void notify(Notice notice);
  int wait_timeout_ms() const;
  void read_clock();
  void take_notices();
  void take_notice(Notice notice);
  void take_durable();
  void expire_deadlines();
  void tick_if_due();
  bool checkpoint_may_go_on() const;
  void checkpoint_slice();
  void publish_stats();
  void finish_turn();
  void carry_out(node::Effects effects);
  void continue_drain();
  void bury_dead();

  // shard_loop_sockets.cpp: sockets and what comes over them
  void accept_ready();
  void watch_listener(uint32_t interest);
  void open_connection(int fd, bool loopback);
  Connection* find(node::ConnectionId id);
  void on_socket_event(node::ConnectionId id, uint32_t events);
  void on_readable(Connection& connection);
  void await_close(Connection& connection, std::span<uint8_t> bytes);
  void read_tls(Connection& connection, ByteView ciphertext);
  void take_input(Connection& connection, std::span<uint8_t> bytes);
  size_t consume(Connection& connection, std::span<uint8_t> bytes);
  size_t consume_frames(Connection& connection, std::span<uint8_t> bytes);
  void send_frame(Connection& connection, WebSocketOpcode opcode, node::SharedBytes payload);
  void send_raw(Connection& connection, node::SharedBytes bytes);
  OutputQueue& output_of(Connection& connection);
  void close_websocket(Connection& connection, WebSocketClose code, std::string_view reason);
  void start_closing(Connection& connection);
  void destroy(Connection& connection);
  void leave_session(Connection& connection);
  void flush_dirty();
  void flush(Connection& connection);
  void update_interest(Connection& connection);
  void on_deadline(Connection& connection);
  void set_deadline(Connection& connection, uint64_t after_ms);
  void plan_deadline_check(Connection& connection);

  // shard_loop_http.cpp: requests and their answers
  size_t consume_http(Connection& connection, std::span<uint8_t> bytes);
  bool admit_head(Connection& connection, bool is_complete);
  void refuse_request(Connection& connection, unsigned status);
  void serve(Connection& connection, const HttpRequest& request);
  void upgrade(Connection& connection, const HttpRequest& request);
  void respond(Connection& connection, const HttpResponse& response, bool keep_alive, bool head);
  void request_answered(Connection& connection, unsigned status);
  void serve_sync(Connection& connection, const HttpRequest& request);
  void take_exchange_frame(Connection& connection, node::SharedBytes frame);
  void send_events();
  void send_event(Connection& connection, ByteView frame);
  void send_heartbeat(Connection& connection);
  void finish_exchange(Connection& connection, std::optional<Error> error);
  void end_stream(Connection& connection, std::optional<Error> error);
  void report_sent(Connection& connection);
  void on_half_closed(Connection& connection);
  void take_waiting_input(Connection& connection);

  ShardLoopOptions options_;
  node::Shard shard_;
  std::vector<ShardLoop*> peers_;
  Now now_;

  int epoll_fd_ = -1;
  int listen_fd_ = -1;
  uint64_t accept_again_ms_ = 0;  ///< Accepting pauses until then; 0 = it does not.
  size_t next_peer_ = 0;
  Doorbell doorbell_;
  Mailbox<Notice> mailbox_;
  std::vector<uint64_t> durable_seen_;

  /// An id is a serial number above a slot number, so that a stale id never finds a newer socket.
  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> dead_slots_;
  uint64_t next_serial_ = 1;

  struct DeadlineCheck {
    uint64_t at_ms;
    node::ConnectionId connection;
    bool operator>(const DeadlineCheck& other) const { return at_ms > other.at_ms; }
  };
  std::priority_queue<DeadlineCheck, std::vector<DeadlineCheck>, std::greater<>> deadline_checks_;

  std::vector<node::ConnectionId> dirty_;
  std::vector<node::ConnectionId> with_events_;  ///< Streams to which this turn has something.
  std::vector<std::unique_ptr<OutputQueue>> spare_queues_;
  OutputQueue::Batch batch_;
  Bytes receive_scratch_;
  Bytes plaintext_scratch_;

  bool more_work_ = false;  ///< The next turn must not wait.
  bool checkpointing_ = false;
  uint64_t next_tick_ms_ = 0;
  uint64_t publish_at_ms_ = 0;
  enum class DrainStage : uint8_t { None, Acks, Closing, Done };
  DrainStage drain_stage_ = DrainStage::None;
  uint64_t drain_deadline_ms_ = 0;
  uint64_t last_appended_ = 0;
  uint64_t anonymous_replicas_ = 0;

  uint64_t counters_[LoopStats::kHostCount] = {};
  LoopStats stats_;
  RequestTimes request_times_;
};

}  // namespace topgun::host
