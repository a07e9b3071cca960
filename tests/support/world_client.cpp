#include <algorithm>

#include "core/base/byte_io.hpp"
#include "tests/support/world.hpp"

namespace topgun {
namespace {

/// Values in these tests are texts, encoded by hand as MessagePack str 16.
Bytes encode_text(const std::string& text) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(0xda);
  out.u8(static_cast<uint8_t>(text.size() >> 8));
  out.u8(static_cast<uint8_t>(text.size()));
  out.raw(as_bytes(text));
  return bytes;
}

std::string decode_text(ByteView value) {
  TG_ASSERT(value.size() >= 3);
  return std::string(as_text(value.subspan(3)));
}

Error error_of(uint16_t code) { return code == 0 ? kNoError : static_cast<Error>(code); }

}  // namespace

World::Client::Client(World& world, uint64_t seed, bool has_storage,
                      std::map<std::string, Bytes> rows)
    : world_(world), seed_(seed), has_storage_(has_storage), rows_(std::move(rows)) {
  start();
}

void World::Client::start() {
  engine_ = std::make_unique<client::Engine>(world_.options_.make_queries);
  Bytes payload;
  ByteWriter out(payload);
  out.u64(seed_);
  out.u64(++world_.starts_);
  out.u64(0);
  out.varint(0);
  out.u8(has_storage_ ? (stores_at_once_ ? 2 : 0) : 1);
  TG_ASSERT(command(client::Command::Open, payload).error == 0);
  for (const auto& [key, row] : rows_) {
    Bytes stored;
    ByteWriter stored_out(stored);
    stored_out.blob(as_bytes(key));
    stored_out.blob(row);
    TG_ASSERT(command(client::Command::LoadRow, stored).error == 0);
  }
  TG_ASSERT(command(client::Command::Start, {}).error == 0);
}

World::Client::Answer World::Client::command(client::Command code, const Bytes& payload) {
  Bytes request;
  ByteWriter out(request);
  out.u8(client::kEngineProtocolVersion);
  out.u64(world_.now_.wall_ms + static_cast<uint64_t>(skew_ms_));
  out.u64(world_.now_.mono_ms);
  out.u32(static_cast<uint32_t>(payload.size() + 1));
  out.u8(static_cast<uint8_t>(code));
  out.raw(payload);
  ByteReader in(engine_->exec(request));
  Answer answer;
  const uint32_t size = in.u32();
  answer.error = in.u16();
  answer.payload = to_bytes(in.raw(size - 2));
  TG_ASSERT(in.ok() && in.at_end());
  take_events();
  return answer;
}

void World::Client::take_events() {
  const Bytes events = to_bytes(engine_->poll());
  world_.trace_.add(ByteView(events));
  ByteReader in(events);
  while (!in.at_end()) {
    const ByteView event = in.raw(in.u32());
    TG_ASSERT(in.ok() && !event.empty());
    on_event(static_cast<client::Event>(event[0]), event.subspan(1));
  }
}

void World::Client::on_event(client::Event event, ByteView payload) {
  ByteReader in(payload);
  switch (event) {
    case client::Event::WrittenEntry:
      ++written_events;
      [[fallthrough]];
    case client::Event::Entry: {
      const uint64_t map = in.varint();
      const std::string key(as_text(in.blob(kKeyBytesMax)));
      const bool present = in.u8() != 0;
      in.u64();
      entries_[map].erase(key);
      if (present) entries_[map][key] = decode_text(in.rest());
      return;
    }
    case client::Event::WrittenElement:
      ++written_events;
      [[fallthrough]];
    case client::Event::Element: {
      const uint64_t map = in.varint();
      const std::string key(as_text(in.blob(kKeyBytesMax)));
      const std::string tag(as_text(in.raw(16)));
      const bool present = in.u8() != 0;
      in.u64();
      elements_[map][key].erase(tag);
      if (present) elements_[map][key][tag] = decode_text(in.rest());
      return;
    }
    case client::Event::WrittenCounter:
      ++written_events;
      [[fallthrough]];
    case client::Event::Counter: {
      const uint64_t map = in.varint();
      const std::string key(as_text(in.blob(kKeyBytesMax)));
      counters_[map][key] = static_cast<int64_t>(in.u64());
      return;
    }
    case client::Event::MapLoaded:
      return;
    case client::Event::MapSynced:
      ++synced_events;
      return;
    case client::Event::Connect:
      wants_connect_ = true;
      ++connects;
      return;
    case client::Event::Disconnect:
      wants_connect_ = false;
      world_.disconnect(*this);
      return;
    case client::Event::Send:
      to_node_.push_back(to_bytes(payload));
      wire_bytes += payload.size();
      return;
    case client::Event::Exchange: {
      const uint64_t exchange = in.varint();
      in.u8();
      in.varint();
      requests_.push_back({exchange, to_bytes(in.rest())});
      return;
    }
    case client::Event::CancelExchange: {
      const uint64_t number = in.varint();
      for (auto& [id, exchange] : world_.exchanges_) {
        if (exchange.client == this && exchange.number == number) exchange.client = nullptr;
      }
      return;
    }
    case client::Event::Persist: {
      Transaction transaction;
      transaction.number = in.varint();
      for (uint64_t i = in.varint(); i > 0; --i) {
        std::string key(as_text(in.blob(1024)));
        transaction.puts.emplace_back(std::move(key), to_bytes(in.blob(payload.size())));
      }
      for (uint64_t i = in.varint(); i > 0; --i) {
        transaction.deletes.emplace_back(as_text(in.blob(1024)));
      }
      TG_ASSERT(in.ok() && in.at_end());
      if (stores_at_once_) return apply(transaction);
      transactions_.push_back(std::move(transaction));
      return;
    }
    case client::Event::Wake:
      wake_ms_ = in.u64();
      return;
    case client::Event::Status:
      status_ = static_cast<client::Status>(in.u8());
      return;
    case client::Event::Ack: {
      const uint8_t level = in.u8();
      acked_[level] = std::max(acked_[level], in.varint());
      return;
    }
    case client::Event::Rejected: {
      Rejected refusal;
      refusal.sequence = in.varint();
      refusal.error = static_cast<Error>(in.u16());
      refusal.map = in.varint();
      refusal.key = as_text(in.blob(kKeyBytesMax));
      rejected.push_back(refusal);
      return;
    }
    case client::Event::ReplicaReplaced:
      replaced.push_back(in.u64());
      return;
    case client::Event::QueryRows:
    case client::Event::QueryGroups:
    case client::Event::IndexReady:
    case client::Event::NodeAnswer:
    case client::Event::NodeSteps:
    case client::Event::NodeQueryFailed:
      query_events.emplace_back(event, to_bytes(payload));
      return;
    case client::Event::Error:
      errors.push_back(static_cast<Error>(in.u16()));
      return;
  }
}

void World::Client::apply(const Transaction& transaction) {
  for (const auto& [key, row] : transaction.puts) rows_[key] = row;
  for (const std::string& key : transaction.deletes) rows_.erase(key);
}

bool World::Client::finish_storage() {
  if (storage_held_ || transactions_.empty()) return false;
  const Transaction transaction = std::move(transactions_.front());
  transactions_.pop_front();
  Bytes payload;
  ByteWriter out(payload);
  out.varint(transaction.number);
  out.u16(storage_fails_ ? static_cast<uint16_t>(Error::StorageFull) : 0);
  if (!storage_fails_) apply(transaction);
  command(client::Command::Persisted, payload);
  return true;
}

void World::Client::open(uint64_t handle, MapKind kind, const std::string& name) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(handle);
  out.u8(static_cast<uint8_t>(kind));
  out.blob(as_bytes(name));
  TG_ASSERT(command(client::Command::OpenMap, payload).error == 0);
  opened_.push_back({handle, kind, name});
}

Error World::Client::set(uint64_t map, const std::string& key, const std::string& text,
                         uint64_t ttl_ms) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(map);
  out.blob(as_bytes(key));
  out.varint(ttl_ms);
  out.raw(encode_text(text));
  entries_[map][key] = text;
  return error_of(command(client::Command::Set, payload).error);
}

Error World::Client::remove(uint64_t map, const std::string& key) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(map);
  out.blob(as_bytes(key));
  entries_[map].erase(key);
  return error_of(command(client::Command::Remove, payload).error);
}

Error World::Client::or_add(uint64_t map, const std::string& key, const std::string& text,
                            uint64_t ttl_ms) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(map);
  out.blob(as_bytes(key));
  out.varint(ttl_ms);
  out.raw(encode_text(text));
  const Answer answer = command(client::Command::OrAdd, payload);
  if (answer.error == 0) elements_[map][key][std::string(as_text(answer.payload))] = text;
  return error_of(answer.error);
}

Error World::Client::or_remove(uint64_t map, const std::string& key, const std::string& text) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(map);
  out.blob(as_bytes(key));
  out.raw(encode_text(text));
  std::erase_if(elements_[map][key], [&](const auto& element) { return element.second == text; });
  return error_of(command(client::Command::OrRemove, payload).error);
}

Error World::Client::counter_add(uint64_t map, const std::string& key, int64_t amount) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(map);
  out.blob(as_bytes(key));
  out.u64(static_cast<uint64_t>(amount));
  counters_[map][key] += amount;
  return error_of(command(client::Command::CounterAdd, payload).error);
}

void World::Client::go_online() {
  online_ = true;
  command(client::Command::SetOnline, {1});
}

void World::Client::go_offline() {
  online_ = false;
  command(client::Command::SetOnline, {0});
}

void World::Client::set_token(const std::string& token) {
  Bytes payload;
  ByteWriter(payload).blob(as_bytes(token));
  command(client::Command::SetToken, payload);
  token_ = token;
}

void World::Client::set_polling(uint64_t wait_ms, uint64_t interval_ms_min,
                                uint64_t interval_ms_max) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(wait_ms);
  out.varint(interval_ms_min);
  out.varint(interval_ms_max);
  TG_ASSERT(command(client::Command::SetPolling, payload).error == 0);
}

void World::Client::restart() {
  world_.disconnect(*this);
  transactions_.clear();
  wants_connect_ = false;
  entries_.clear();
  elements_.clear();
  counters_.clear();
  acked_.clear();
  status_ = client::Status::Offline;
  start();
  for (const OpenedMap& map : std::vector<OpenedMap>(std::move(opened_))) {
    open(map.handle, map.kind, map.name);
  }
  if (online_) go_online();
}

void World::Client::cut() {
  const bool was_connected = connection_ != 0 || wants_connect_ || over_exchanges_;
  world_.disconnect(*this);
  wants_connect_ = false;
  if (was_connected) command(client::Command::TransportClosed, {});
}

void World::Client::hold_storage(bool held) { storage_held_ = held; }

void World::Client::store() {
  storage_held_ = false;
  while (finish_storage()) {
  }
}

void World::Client::damage_row(const std::string& prefix) {
  for (auto& [key, row] : rows_) {
    if (key.compare(0, prefix.size(), prefix) != 0) continue;
    row[row.size() / 2] ^= 0x10;
    return;
  }
  TG_ASSERT(false);
}

std::string World::Client::get(uint64_t map, const std::string& key) const {
  const auto entries = entries_.find(map);
  if (entries == entries_.end()) return {};
  const auto entry = entries->second.find(key);
  return entry == entries->second.end() ? std::string() : entry->second;
}

std::vector<std::string> World::Client::elements(uint64_t map, const std::string& key) const {
  std::vector<std::string> values;
  const auto keys = elements_.find(map);
  if (keys == elements_.end()) return values;
  const auto found = keys->second.find(key);
  if (found == keys->second.end()) return values;
  for (const auto& [tag, value] : found->second) values.push_back(value);
  std::sort(values.begin(), values.end());
  return values;
}

int64_t World::Client::counter(uint64_t map, const std::string& key) const {
  const auto counters = counters_.find(map);
  if (counters == counters_.end()) return 0;
  const auto found = counters->second.find(key);
  return found == counters->second.end() ? 0 : found->second;
}

node::Shard::Root World::Client::root(uint64_t map) {
  Bytes payload;
  ByteWriter(payload).varint(map);
  const Answer answer = command(client::Command::Root, payload);
  TG_ASSERT(answer.error == 0);
  ByteReader in(answer.payload);
  node::Shard::Root root;
  root.hash.low = in.u64();
  root.hash.high = in.u64();
  root.records = in.varint();
  return root;
}

uint64_t World::Client::last_sequence() {
  const Answer answer = command(client::Command::LastSequence, {});
  return ByteReader(answer.payload).varint();
}

uint64_t World::Client::pending() {
  const Answer answer = command(client::Command::LastSequence, {});
  ByteReader in(answer.payload);
  in.varint();
  return in.varint();
}

uint64_t World::Client::acked(uint8_t level) const {
  uint64_t sequence = 0;
  for (const auto& [reached, acked] : acked_) {
    if (reached >= level) sequence = std::max(sequence, acked);
  }
  return sequence;
}

size_t World::Client::unread_bytes() const {
  size_t bytes = 0;
  for (const Bytes& frame : from_node_) bytes += frame.size();
  return bytes;
}

size_t World::Client::stored_bytes() const {
  size_t bytes = 0;
  for (const auto& [key, row] : rows_) bytes += key.size() + row.size();
  return bytes;
}

}  // namespace topgun
