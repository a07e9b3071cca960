#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/trace_hash.hpp"
#include "core/client/engine.hpp"
#include "core/client/engine_codes.hpp"
#include "core/crdt/record.hpp"
#include "core/node/shard.hpp"

namespace topgun {

/// What a client answers for a command that succeeded.
inline constexpr Error kNoError = static_cast<Error>(0);

/// A node and its clients in one process and in virtual time, connected by queues instead of
/// sockets: the core's own code on both ends, with hosts so thin that they cannot be wrong. Nothing
/// is delivered until `settle` or `deliver_some` says so.
class World {
 public:
  struct Options {
    uint16_t shards = 1;
    bool has_log = true;
    node::ShardLimits limits = {};
    const node::Authenticator* authenticator = nullptr;
    const node::AccessPolicy* access = nullptr;
    client::MakeQueries make_queries = nullptr;
    std::vector<node::NodeIndex> indexes = {};
    std::vector<node::NodeView> views = {};
    std::vector<PartitionKey> partition_keys = {};
  };

  class Client;

  explicit World(Options options);
  World() : World(Options{}) {}
  ~World();

  /// A new client with empty storage.
  Client& add_client(bool has_storage = true);
  /// A new client that starts with these rows.
  Client& add_client(const std::map<std::string, Bytes>& rows);
  /// A new client that starts with a copy of what `original` has stored, and opens the same maps.
  Client& clone_client(const Client& original);

  /// Delivers messages until nobody has anything to say and all storage is done.
  void settle();
  /// Delivers at most `count` messages.
  void deliver_some(size_t count);

  void advance(uint64_t ms);
  Now now() const { return now_; }

  /// The node's process dies and starts again from what its log had fsynced.
  void crash_node();
  /// While held, log entries do not become durable.
  void hold_log(bool held) { log_held_ = held; }
  /// Everything in the log becomes durable; nobody hears of it yet.
  void sync_log();
  void fail_log(Error error);
  void recover_log();

  node::Shard::Root node_root(MapKind kind, const std::string& map) const;
  node::ShardStats stats() const;
  size_t log_entries() const;
  /// Digest of every frame and every event so far, in order.
  uint64_t trace() const { return trace_.value(); }

 private:
  friend class Client;
  struct LogEntry {
    node::LogEntryKind kind;
    Bytes payload;
  };
  struct ShardLog {
    std::vector<LogEntry> entries;  // Entry i has sequence first_sequence + i of this incarnation.
    uint64_t durable_entries = 0;
    uint64_t incarnation_base = 0;  // Entries from before this incarnation.
  };

  void start_node();
  void collect(uint16_t shard);
  bool deliver_one();
  void send_request(Client& client);
  void end_exchange(uint64_t id);
  void sync_logs();
  void connect(Client& client);
  void disconnect(Client& client);

  Options options_;
  Now now_{1'700'000'000'000, 1'000};
  uint64_t incarnation_ = 0;
  uint64_t starts_ = 0;  ///< Of clients; a seed for each.
  std::vector<std::unique_ptr<node::Shard>> shards_;
  std::vector<ShardLog> logs_;
  std::vector<std::deque<node::ShardMessage>> inboxes_;
  std::map<uint64_t, Client*> connections_;
  struct Exchange {
    Client* client = nullptr;  ///< Nobody waits for the answer if null.
    uint64_t number = 0;
    uint16_t shard = 0;
    Bytes answer;
  };
  std::map<uint64_t, Exchange> exchanges_;
  uint64_t last_connection_ = 0;
  TraceHash trace_;
  bool log_held_ = false;
  std::vector<std::unique_ptr<Client>> clients_;
};

/// One client: an engine, its storage, its transport, and the mirror that an application would see.
class World::Client {
 public:
  Client(World& world, uint64_t seed, bool has_storage, std::map<std::string, Bytes> rows = {});

  // --- what an application does ---

  void open(uint64_t handle, MapKind kind, const std::string& name);
  Error set(uint64_t map, const std::string& key, const std::string& text, uint64_t ttl_ms = 0);
  Error remove(uint64_t map, const std::string& key);
  Error or_add(uint64_t map, const std::string& key, const std::string& text, uint64_t ttl_ms = 0);
  Error or_remove(uint64_t map, const std::string& key, const std::string& text);
  Error counter_add(uint64_t map, const std::string& key, int64_t amount);
  void go_online();
  void go_offline();
  /// From the next connection on, the transport carries requests instead of frames; each goes to
  /// another shard.
  void use_exchanges(bool used) { uses_exchanges_ = used; }
  void set_polling(uint64_t wait_ms, uint64_t interval_ms_min, uint64_t interval_ms_max);
  void set_token(const std::string& token);
  /// Lets this client's calendar clock read `ms` more (or less) than the node's.
  void skew_clock(int64_t ms) { skew_ms_ = ms; }

  // --- what happens to it ---

  /// The process dies and starts again with what was stored; maps are opened again.
  void restart();
  /// The connection breaks without a word.
  void cut();
  /// From the next start on, a transaction is stored when it is handed out, and nobody says so.
  void store_at_once() { stores_at_once_ = true; }
  /// While held, storage transactions do not complete.
  void hold_storage(bool held);
  /// The next transactions fail.
  void fail_storage(bool failing) { storage_fails_ = failing; }
  /// While held, nothing the node sends is read.
  void hold_reading(bool held) { reading_held_ = held; }
  /// The next answers to exchanges get lost on their way, and with them the transport.
  void lose_answers(uint32_t count) { answers_to_lose_ = count; }
  /// The next request arrives at the node twice; the second answer goes nowhere.
  void double_requests(bool doubled) { doubles_requests_ = doubled; }
  /// Of requests that are on their way together, the last one arrives first.
  void reorder_requests(bool reordered) { reorders_requests_ = reordered; }
  /// Something on the way refuses requests of more bytes than this, as the node itself would.
  void limit_requests(size_t bytes_max) { request_limit_ = bytes_max; }
  /// Bytes that wait to be read.
  size_t unread_bytes() const;
  /// All storage transactions complete, and nothing else happens.
  void store();
  /// Damages one stored byte of the row whose key starts with `prefix`.
  void damage_row(const std::string& prefix);

  // --- what can be seen ---

  std::string get(uint64_t map, const std::string& key) const;  ///< Empty if absent.
  const std::map<std::string, std::string>& entries(uint64_t map) { return entries_[map]; }
  std::vector<std::string> elements(uint64_t map, const std::string& key) const;
  int64_t counter(uint64_t map, const std::string& key) const;
  node::Shard::Root root(uint64_t map);
  uint64_t last_sequence();
  uint64_t pending();
  uint64_t acked(uint8_t level) const;
  client::Status status() const { return status_; }
  /// The monotonic time at which the client last asked to be woken.
  uint64_t wake_ms() const { return wake_ms_; }
  size_t stored_bytes() const;
  const std::map<std::string, Bytes>& rows() const { return rows_; }

  /// Replica ids given up because a copy of this client went on under them.
  std::vector<uint64_t> replaced;
  struct Rejected {
    uint64_t sequence;
    Error error;
    uint64_t map;
    std::string key;
  };
  std::vector<Rejected> rejected;
  std::vector<Error> errors;
  /// What was said of live queries and indexes, with the payload.
  std::vector<std::pair<client::Event, Bytes>> query_events;
  uint64_t synced_events = 0;
  /// Requests made so far, and the size of the last one and of its answer.
  uint64_t requests = 0;
  size_t request_bytes = 0;
  size_t request_bytes_max = 0;
  size_t answer_bytes = 0;
  /// Bytes of frames, requests and answers to and from it so far.
  uint64_t wire_bytes = 0;
  /// Attempts to connect.
  uint64_t connects = 0;
  /// Local writes of watched maps that were reported.
  uint64_t written_events = 0;

  /// Runs one command; returns its error (0 as `nullopt`) and answer.
  struct Answer {
    uint16_t error = 0;
    Bytes payload;
  };
  Answer command(client::Command code, const Bytes& payload);

 private:
  friend class World;
  struct Transaction {
    uint64_t number;
    std::vector<std::pair<std::string, Bytes>> puts;
    std::vector<std::string> deletes;
  };
  struct OpenedMap {
    uint64_t handle;
    MapKind kind;
    std::string name;
  };

  struct Request {
    uint64_t exchange;
    Bytes frame;
  };

  void start();
  void take_events();
  void on_event(client::Event event, ByteView payload);
  void apply(const Transaction& transaction);
  bool finish_storage();

  World& world_;
  uint64_t seed_;
  bool has_storage_;
  bool stores_at_once_ = false;
  std::unique_ptr<client::Engine> engine_;
  std::map<std::string, Bytes> rows_;
  std::deque<Transaction> transactions_;
  int64_t skew_ms_ = 0;
  bool storage_held_ = false;
  bool storage_fails_ = false;
  bool reading_held_ = false;
  bool wants_connect_ = false;
  bool online_ = false;
  bool uses_exchanges_ = false;
  bool over_exchanges_ = false;
  bool doubles_requests_ = false;
  bool reorders_requests_ = false;
  uint32_t answers_to_lose_ = 0;
  size_t request_limit_ = SIZE_MAX;
  std::string token_;
  std::deque<Request> requests_;
  uint64_t connection_ = 0;
  uint64_t wake_ms_ = 0;
  std::deque<Bytes> to_node_;
  std::deque<Bytes> from_node_;
  std::vector<OpenedMap> opened_;
  client::Status status_ = client::Status::Offline;
  std::map<uint8_t, uint64_t> acked_;
  std::map<uint64_t, std::map<std::string, std::string>> entries_;
  std::map<uint64_t, std::map<std::string, std::map<std::string, std::string>>> elements_;
  std::map<uint64_t, std::map<std::string, int64_t>> counters_;
};

}  // namespace topgun
