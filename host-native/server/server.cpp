#include "host-native/server/server.hpp"

#include <openssl/rand.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/dataflow/node_queries.hpp"
#include "host-native/server/http_app.hpp"
#include "host-native/server/indexes.hpp"
#include "host-native/server/listen_socket.hpp"
#include "host-native/server/parallel_recovery.hpp"
#include "host-native/server/partitions.hpp"
#include "host-native/server/security.hpp"
#include "host-native/server/views.hpp"

namespace topgun::host {

namespace {

uint64_t random_u64() {
  uint64_t value = 0;
  while (value == 0) {
    TG_ASSERT(RAND_bytes(reinterpret_cast<uint8_t*>(&value), sizeof(value)) == 1);
  }
  return value;
}

uint16_t shard_count_of(const ServerConfig& config) {
  if (config.shards != 0) return config.shards;
  const unsigned processors = std::thread::hardware_concurrency();
  return static_cast<uint16_t>(processors == 0 ? 1 : processors > 256 ? 256 : processors);
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerConfig& config, const Logger& logger)
      : config_(config), logger_(logger), app_(config), durable_(shard_count_of(config)) {}

  ~Impl() { stop(); }

  /// Empty on success.
  std::string start();
  void stop();
  uint16_t port() const { return port_; }

 private:
  void make_loops();
  std::string open_storage();
  void start_storage();

  const ServerConfig config_;
  const Logger& logger_;
  Security security_;
  std::vector<node::NodeIndex> indexes_;
  std::vector<node::NodeView> views_;
  std::vector<PartitionKey> partition_keys_;
  HttpApp app_;
  DurableBoard durable_;
  uint64_t incarnation_ = 0;
  uint16_t port_ = 0;
  std::unique_ptr<StorageEngine> storage_;
  std::vector<std::unique_ptr<ShardLoop>> loops_;
  std::vector<std::thread> threads_;
};

std::string Server::Impl::start() {
  SecurityOutcome security = load_security(config_);
  if (!security.error.empty()) return security.error;
  security_ = std::move(security.security);
  std::string wrong_index = parse_indexes(config_.indexes, indexes_);
  if (!wrong_index.empty()) return wrong_index;
  std::string wrong_view = parse_views(config_.views, views_);
  if (!wrong_view.empty()) return wrong_view;
  std::string wrong_partition = parse_partitions(config_.partitions, partition_keys_);
  if (!wrong_partition.empty()) return wrong_partition;
  for (const PartitionKey& each : partition_keys_) {
    for (const node::NodeView& view : views_) {
      if (view.name == each.map)
        return "--partition " + each.map + ": a view lies where its map does";
    }
  }
  // Bound first, so that a port in use is found before a long recovery.
  ListenSocket socket = open_listen_socket(config_.host, config_.port);
  if (socket.fd < 0) return socket.error;
  port_ = socket.port;

  incarnation_ = random_u64();
  make_loops();
  loops_[0]->listen_on(socket.fd);
  const std::string storage_problem = open_storage();
  if (!storage_problem.empty()) return storage_problem;
  start_storage();
  app_.set_ready(true);
  for (auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
  logger_.info("listening",
               {{"host", std::string_view(config_.host)},
                {"port", uint64_t{port_}},
                {"shards", uint64_t{loops_.size()}},
                {"tls", std::string_view(security_.tls ? "on" : "off")},
                {"auth", std::string_view(config_.auth == AuthMode::Jwt ? "jwt" : "off")}});
  return {};
}

void Server::Impl::make_loops() {
  const uint16_t count = durable_.shard_count();
  const uint64_t node_id = random_u64();
  std::vector<ShardLoop*> peers;
  for (uint16_t shard = 0; shard < count; ++shard) {
    ShardLoopOptions options;
    options.shard.shard = shard;
    options.shard.shard_count = count;
    options.shard.node_id = node_id;
    options.shard.incarnation = incarnation_;
    options.shard.has_log = config_.data_directory.has_value();
    options.shard.limits = config_.limits;
    options.shard.authenticator = security_.authenticator.get();
    options.shard.access = security_.access.get();
    options.shard.make_queries = &dataflow::NodeQueries::make;
    options.shard.indexes = indexes_;
    options.shard.views = views_;
    options.shard.partition_keys = partition_keys_;
    options.net = config_.net;
    options.tls = security_.tls.get();
    options.durable = &durable_;
    options.http = &app_;
    options.logger = &logger_;
    loops_.push_back(std::make_unique<ShardLoop>(std::move(options)));
    peers.push_back(loops_.back().get());
  }
  for (auto& loop : loops_) loop->set_peers(peers);
  app_.attach(peers, nullptr);
}

std::string Server::Impl::open_storage() {
  if (!config_.data_directory) return {};
  StorageEngine::Options options;
  options.directory = *config_.data_directory;
  options.segment_bytes = config_.segment_bytes;
  options.checkpoint_interval_ms = config_.checkpoint_interval_ms;
  options.report = [this](std::string_view line) { logger_.warn("storage", {{"finding", line}}); };
  std::vector<node::Shard*> shards;
  for (auto& loop : loops_) shards.push_back(&loop->shard());
  ParallelRecovery recovery(shards);
  auto opened = StorageEngine::open(options, incarnation_,
                                    [&recovery](node::LogEntryKind kind, ByteView payload) {
                                      return recovery.feed(kind, payload);
                                    });
  const Result<void> recovered = recovery.finish();
  if (opened.ok() && !recovered.ok()) opened = recovered.error();
  if (!opened.ok()) {
    return "cannot open " + options.directory + ": " + std::string(error_name(opened.error()));
  }
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto wall_ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
  for (const node::Shard* shard : shards) {
    const auto misplaced = shard->find_misplaced(wall_ms);
    if (!misplaced) continue;
    return "--partition " + misplaced->map + ": the key of record '" + misplaced->key +
           "' does not begin with what the record has in that field; change the record first";
  }
  storage_ = std::move(opened).value();
  const auto& report = storage_->recovery();
  logger_.info("recovered", {{"checkpoint_records", report.checkpoint_records},
                             {"log_entries", report.log_entries},
                             {"log_bytes", report.log_bytes},
                             {"torn_bytes", report.torn_bytes},
                             {"duration_ms", report.duration_ms}});
  return {};
}

void Server::Impl::start_storage() {
  if (storage_ == nullptr) return;
  std::vector<ShardLoop*> loops;
  for (auto& loop : loops_) {
    loop->set_storage(storage_.get());
    loops.push_back(loop.get());
  }
  app_.attach(loops, storage_.get());
  StorageEngine::Callbacks callbacks;
  callbacks.durable = [this](uint16_t shard, uint64_t sequence) {
    durable_.set(shard, sequence);
    for (auto& loop : loops_) loop->wake();
  };
  callbacks.failed = [this](Error error) {
    app_.set_log_failed(true);
    logger_.error("the log takes no writes", {{"error", error_name(error)}});
    for (auto& loop : loops_) loop->log_failed(error);
  };
  callbacks.recovered = [this] {
    app_.set_log_failed(false);
    logger_.info("the log takes writes again");
    for (auto& loop : loops_) loop->log_recovered();
  };
  callbacks.checkpoint_wanted = [this] {
    for (auto& loop : loops_) loop->request_checkpoint();
  };
  storage_->start(std::move(callbacks), durable_.shard_count());
}

void Server::Impl::stop() {
  app_.set_ready(false);
  if (!threads_.empty()) logger_.info("draining");
  for (auto& loop : loops_) loop->drain();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  app_.finish_backup();
  if (storage_ != nullptr) storage_->close();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Server::Started Server::start(const ServerConfig& config, const Logger& logger) {
  auto impl = std::make_unique<Impl>(config, logger);
  std::string error = impl->start();
  if (!error.empty()) return {nullptr, std::move(error)};
  return {std::unique_ptr<Server>(new Server(std::move(impl))), {}};
}

uint16_t Server::port() const { return impl_->port(); }
void Server::stop() { impl_->stop(); }

}  // namespace topgun::host
