#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"

// What an application does with a client.

namespace topgun::sim {
/// MessagePack str 16.
Bytes SimClient::encode_text(const std::string& text) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(0xda);
  out.u8(static_cast<uint8_t>(text.size() >> 8));
  out.u8(static_cast<uint8_t>(text.size()));
  out.raw(as_bytes(text));
  return bytes;
}

void SimClient::go_online(bool online) {
  wants_online_ = online;
  if (engine_ == nullptr || asleep_) return;
  const uint8_t flag = online ? 1 : 0;
  command(client::Command::SetOnline, ByteView(&flag, 1));
}

void SimClient::follow_all() {
  for (const OpenMap& map : open_maps()) {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(map.handle);
    out.u8(static_cast<uint8_t>(map.ref.kind));
    out.blob(as_bytes(map.ref.name));
    command(client::Command::OpenMap, payload);
  }
  unfollowed_.clear();
}

void SimClient::unfollow(uint64_t handle) {
  if (engine_ == nullptr || asleep_) return;
  Bytes payload;
  ByteWriter(payload).varint(handle);
  command(client::Command::Unsubscribe, payload);
  unfollowed_.insert(handle);
  for (auto& [connection, exchange] : exchanges_) exchange.left.insert(handle);
  synced_.erase(handle);
}

bool SimClient::write(client::Command code, uint64_t handle, const std::string& key,
                      const std::function<void(ByteWriter&)>& rest) {
  if (engine_ == nullptr || asleep_) return false;
  Bytes payload;
  ByteWriter out(payload);
  out.varint(handle);
  out.blob(as_bytes(key));
  rest(out);
  if (!options_.has_storage) has_unseen_writes_ = true;
  const Answer answer = command(code, payload);
  if (answer.error == 0) checker_.check_client(*this, false);
  return answer.error == 0;
}

void SimClient::set(const std::string& key, const Bytes& value, uint64_t ttl_ms) {
  if (engine_ == nullptr || asleep_) return;
  checker_.written(open_maps()[0].ref, key, value);
  entries_.erase(key);
  if (queries_ != nullptr) queries_->show(key, value);
  if (ttl_ms == 0) entries_[key] = value;
  const auto before = model_.find(open_maps()[0].ref, {key, ""});
  const bool is_written = write(client::Command::Set, kLwwHandle, key, [&](ByteWriter& out) {
    out.varint(ttl_ms);
    out.raw(value);
  });
  if (is_written && before.has_value()) check_overrules(key, *before);
}

void SimClient::remove(const std::string& key) {
  if (engine_ == nullptr || asleep_) return;
  entries_.erase(key);
  if (queries_ != nullptr) queries_->hide(key);
  const auto before = model_.find(open_maps()[0].ref, {key, ""});
  const bool is_written = write(client::Command::Remove, kLwwHandle, key, [](ByteWriter&) {});
  if (is_written && before.has_value()) check_overrules(key, *before);
}

/// A write overrules what the writer had seen, however late its own calendar, unless that came from
/// a future that clocks do not follow. What the engine takes for the present is known here only
/// while nobody touched the clock since the node last told its time.
void SimClient::check_overrules(const std::string& key, const ReferenceModel::Record& before) {
  if (!model_is_complete() || clock_is_doubtful_ || !knows_its_stamps_) return;
  if (before.replica == replica_ || before.ms() >= first_future_ms_) return;
  if (model_.find(open_maps()[0].ref, {key, ""}) != before) return;
  checker_.fail(Invariant::SessionOrder, "client " + std::to_string(number()) + " wrote " + key +
                                             ", and what it had read before overrules that");
}

void SimClient::or_add(const std::string& key, const std::string& text) {
  if (engine_ == nullptr || asleep_) return;
  const Bytes value = encode_text(text);
  checker_.written(open_maps()[1].ref, key, value);
  Bytes payload;
  ByteWriter out(payload);
  out.varint(kOrHandle);
  out.blob(as_bytes(key));
  out.varint(0);
  out.raw(value);
  if (!options_.has_storage) has_unseen_writes_ = true;
  const Answer answer = command(client::Command::OrAdd, payload);
  if (answer.error != 0) return;
  elements_[{key, std::string(as_text(answer.payload))}] = value;
  checker_.check_client(*this, false);
}

void SimClient::or_remove(const std::string& key, const std::string& text) {
  if (engine_ == nullptr || asleep_) return;
  const Bytes value = encode_text(text);
  std::erase_if(elements_, [&](const auto& element) {
    return element.first.first == key && element.second == value;
  });
  write(client::Command::OrRemove, kOrHandle, key, [&](ByteWriter& out) { out.raw(value); });
}

void SimClient::carry_out_query(const Step& step, const std::optional<EntryWrite>& write) {
  if (engine_ == nullptr || asleep_ || queries_ == nullptr) return;
  joined_write_ = write;
  queries_->carry_out(step, status_ == client::Status::Online);
  joined_write_.reset();
}

void SimClient::counter_add(const std::string& key, int64_t amount) {
  if (engine_ == nullptr || asleep_) return;
  counters_[key] += amount;
  const bool counted = write(client::Command::CounterAdd, kCounterHandle, key,
                             [&](ByteWriter& out) { out.u64(static_cast<uint64_t>(amount)); });
  if (counted) checker_.counted(key, amount);
}

}  // namespace topgun::sim
