#include "tests/support/world.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/base/byte_io.hpp"
#include "core/dataflow/node_queries.hpp"

namespace topgun {

World::World(Options options) : options_(std::move(options)) {
  logs_.resize(options_.shards);
  start_node();
}

World::~World() = default;

World::Client& World::add_client(bool has_storage) {
  clients_.push_back(std::make_unique<Client>(*this, clients_.size() + 1, has_storage));
  return *clients_.back();
}

World::Client& World::add_client(const std::map<std::string, Bytes>& rows) {
  const uint64_t seed = clients_.size() + 1;
  clients_.push_back(std::make_unique<Client>(*this, seed, true, rows));
  return *clients_.back();
}

World::Client& World::clone_client(const Client& original) {
  const uint64_t seed = clients_.size() + 1;
  clients_.push_back(std::make_unique<Client>(*this, seed, true, original.rows_));
  Client& clone = *clients_.back();
  clone.skew_ms_ = original.skew_ms_;
  for (const auto& map : std::vector(original.opened_)) clone.open(map.handle, map.kind, map.name);
  return clone;
}

void World::start_node() {
  ++incarnation_;
  shards_.clear();
  inboxes_.assign(options_.shards, {});
  for (uint16_t i = 0; i < options_.shards; ++i) {
    node::ShardOptions options;
    options.shard = i;
    options.shard_count = options_.shards;
    options.node_id = 77;
    options.incarnation = incarnation_;
    options.has_log = options_.has_log;
    options.limits = options_.limits;
    options.authenticator = options_.authenticator;
    options.access = options_.access;
    options.make_queries = &dataflow::NodeQueries::make;
    options.indexes = options_.indexes;
    options.partition_keys = options_.partition_keys;
    options.views = options_.views;
    shards_.push_back(std::make_unique<node::Shard>(options));
    for (const ShardLog& log : logs_) {
      for (const LogEntry& entry : log.entries) {
        const Result<void> recovered = shards_[i]->recover(entry.kind, entry.payload);
        TG_ASSERT(recovered.ok());
      }
    }
  }
  for (ShardLog& log : logs_) log.incarnation_base = log.entries.size();
  for (uint16_t i = 0; i < options_.shards; ++i) {
    shards_[i]->tick(now_);
    collect(i);
  }
}

void World::crash_node() {
  exchanges_.clear();
  connections_.clear();  // First, so that the dead process does not hear of broken connections.
  for (const auto& client : clients_) client->cut();
  for (ShardLog& log : logs_) {
    log.entries.resize(static_cast<size_t>(log.incarnation_base + log.durable_entries));
    log.durable_entries = 0;
  }
  start_node();
}

void World::collect(uint16_t shard) {
  shards_[shard]->end_turn(now_);
  node::Effects effects = shards_[shard]->take_effects();
  ByteReader in(effects.log.entries);
  while (!in.at_end()) {
    const uint32_t size = in.u32();
    const auto kind = static_cast<node::LogEntryKind>(in.u8());
    logs_[shard].entries.push_back({kind, to_bytes(in.raw(size))});
  }
  const ShardLog& log = logs_[shard];
  TG_ASSERT(effects.log.entries.empty() ||
            effects.log.last_sequence == log.entries.size() - log.incarnation_base);
  for (node::Effects::Post& post : effects.posts) {
    inboxes_[post.shard].push_back(std::move(post.message));
  }
  for (const node::Effects::Send& send : effects.sends) {
    trace_.add(ByteView(*send.frame));
    const auto found = connections_.find(send.connection.value);
    if (found != connections_.end()) {
      found->second->from_node_.push_back(*send.frame);
      found->second->wire_bytes += send.frame->size();
    }
    const auto exchange = exchanges_.find(send.connection.value);
    if (exchange == exchanges_.end()) continue;
    Bytes& answer = exchange->second.answer;
    answer.insert(answer.end(), send.frame->begin(), send.frame->end());
  }
  for (const node::Effects::Answer& answer : effects.answers) end_exchange(answer.exchange.value);
  for (const node::Effects::Close& close : effects.closes) {
    const auto found = connections_.find(close.connection.value);
    if (found == connections_.end()) continue;
    // An empty frame stands for the end of the connection, behind what was sent before it.
    found->second->from_node_.push_back({});
    connections_.erase(found);
  }
}

void World::send_request(Client& client) {
  if (client.reorders_requests_) std::swap(client.requests_.front(), client.requests_.back());
  const Client::Request request = std::move(client.requests_.front());
  client.requests_.pop_front();
  ++client.requests;
  client.request_bytes = request.frame.size();
  client.wire_bytes += request.frame.size();
  client.request_bytes_max = std::max(client.request_bytes_max, client.request_bytes);
  if (request.frame.size() > client.request_limit_) {
    const uint64_t id = ++last_connection_;
    exchanges_[id] = {&client, request.exchange, 0, {}};
    MessageWriter(exchanges_[id].answer)
        .error({static_cast<uint16_t>(Error::TooLarge), true, 0, as_bytes("not here")});
    return end_exchange(id);
  }
  for (int copy = client.doubles_requests_ ? 1 : 0; copy >= 0; --copy) {
    const uint64_t id = ++last_connection_;
    const auto shard = static_cast<uint16_t>(id % options_.shards);
    exchanges_[id] = {copy == 0 ? &client : nullptr, request.exchange, shard, {}};
    shards_[shard]->exchange({id}, request.frame, {.token = as_bytes(client.token_)}, now_);
    collect(shard);
  }
}

void World::end_exchange(uint64_t id) {
  const Exchange exchange = std::move(exchanges_.at(id));
  exchanges_.erase(id);
  if (exchange.client == nullptr) return;
  Client& client = *exchange.client;
  if (client.answers_to_lose_ > 0) {
    --client.answers_to_lose_;
    return client.cut();
  }
  client.answer_bytes = exchange.answer.size();
  client.wire_bytes += exchange.answer.size();
  Bytes part;
  ByteWriter(part).varint(exchange.number);
  const Bytes done = part;
  part.insert(part.end(), exchange.answer.begin(), exchange.answer.end());
  client.command(client::Command::ExchangePart, part);
  client.command(client::Command::ExchangeDone, done);
}

void World::sync_log() {
  for (ShardLog& log : logs_) log.durable_entries = log.entries.size() - log.incarnation_base;
}

void World::sync_logs() {
  if (log_held_) return;
  for (uint16_t i = 0; i < options_.shards; ++i) {
    ShardLog& log = logs_[i];
    const uint64_t written = log.entries.size() - log.incarnation_base;
    if (log.durable_entries == written) continue;
    log.durable_entries = written;
    for (uint16_t j = 0; j < options_.shards; ++j) {
      shards_[j]->durable(i, written, now_);
      collect(j);
    }
  }
}

void World::connect(Client& client) {
  client.over_exchanges_ = client.uses_exchanges_;
  if (client.over_exchanges_) {
    client.command(client::Command::TransportOpened, {1});
    return;
  }
  client.connection_ = ++last_connection_;
  connections_[client.connection_] = &client;
  const auto shard = static_cast<uint16_t>(client.connection_ % options_.shards);
  shards_[shard]->connected({client.connection_}, now_);
  collect(shard);
  client.command(client::Command::TransportOpened, {});
}

void World::disconnect(Client& client) {
  client.to_node_.clear();
  client.from_node_.clear();
  client.requests_.clear();
  client.over_exchanges_ = false;
  for (auto& [id, exchange] : exchanges_) {
    // The node works on; only nobody hears of it.
    if (exchange.client == &client) exchange.client = nullptr;
  }
  if (client.connection_ == 0) return;
  const uint64_t connection = client.connection_;
  client.connection_ = 0;
  if (connections_.erase(connection) == 0) return;
  const auto shard = static_cast<uint16_t>(connection % options_.shards);
  shards_[shard]->closed({connection}, now_);
  collect(shard);
}

bool World::deliver_one() {
  for (uint16_t i = 0; i < options_.shards; ++i) {
    if (inboxes_[i].empty()) continue;
    node::ShardMessage message = std::move(inboxes_[i].front());
    inboxes_[i].pop_front();
    shards_[i]->message(message, now_);
    collect(i);
    return true;
  }
  for (const auto& client : clients_) {
    if (client->finish_storage()) return true;
    if (client->wants_connect_) {
      client->wants_connect_ = false;
      connect(*client);
      return true;
    }
    if (!client->requests_.empty()) {
      send_request(*client);
      return true;
    }
    if (!client->to_node_.empty()) {
      const Bytes frame = std::move(client->to_node_.front());
      client->to_node_.pop_front();
      const auto shard = static_cast<uint16_t>(client->connection_ % options_.shards);
      shards_[shard]->frame({client->connection_}, frame, now_);
      collect(shard);
      return true;
    }
    if (!client->reading_held_ && !client->from_node_.empty()) {
      const Bytes frame = std::move(client->from_node_.front());
      client->from_node_.pop_front();
      if (frame.empty()) {
        client->cut();
      } else {
        client->command(client::Command::TransportFrame, frame);
      }
      return true;
    }
  }
  return false;
}

void World::deliver_some(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (deliver_one()) continue;
    sync_logs();
    if (!deliver_one()) return;
  }
}

void World::settle() {
  do {
    while (deliver_one()) {
    }
    sync_logs();
  } while (deliver_one());
}

void World::advance(uint64_t ms) {
  now_.wall_ms += ms;
  now_.mono_ms += ms;
  for (uint16_t i = 0; i < options_.shards; ++i) {
    shards_[i]->tick(now_);
    // Tombstones wait for a checkpoint; the log here is never given up, so nobody keeps it.
    while (!shards_[i]->next_checkpoint_chunk(SIZE_MAX).last) {
    }
    collect(i);
  }
  for (const auto& client : clients_) client->command(client::Command::Tick, {});
}

void World::fail_log(Error error) {
  for (const auto& shard : shards_) shard->log_failed(error, now_);
}

void World::recover_log() {
  for (const auto& shard : shards_) shard->log_recovered(now_);
}

node::Shard::Root World::node_root(MapKind kind, const std::string& map) const {
  node::Shard::Root total;
  for (const auto& shard : shards_) {
    const node::Shard::Root part = shard->root(static_cast<uint8_t>(kind), map);
    total.hash.low += part.hash.low;
    total.hash.high += part.hash.high;
    total.records += part.records;
  }
  return total;
}

node::ShardStats World::stats() const {
  node::ShardStats total;
  for (const auto& shard : shards_) {
    const node::ShardStats& part = shard->stats();
    total.operations_applied += part.operations_applied;
    total.operations_rejected += part.operations_rejected;
    total.repairs_started += part.repairs_started;
    total.resyncs_forced += part.resyncs_forced;
    total.records_sent += part.records_sent;
    total.changes_sent += part.changes_sent;
    total.subscriptions += part.subscriptions;
    total.queries_live += part.queries_live;
    total.query_bytes += part.query_bytes;
    total.sessions += part.sessions;
  }
  return total;
}

size_t World::log_entries() const {
  size_t count = 0;
  for (const ShardLog& log : logs_) count += log.entries.size();
  return count;
}

}  // namespace topgun
