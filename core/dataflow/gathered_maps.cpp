#include "core/dataflow/gathered_maps.hpp"

#include <algorithm>

#include "core/base/probe.hpp"

namespace topgun::dataflow {

using node::ShardMessageKind;
using query::RowId;
using query::Write;

// --- one map ---

Result<void> GatheredMap::attach(OwnerQueries& owner, std::string relation) {
  // Nothing is attached within a batch.
  owner.flush();
  const auto id = owner.engine().attach(relation, rows_);
  if (!id.ok()) return id.error();
  owner_ = &owner;
  relation_ = std::move(relation);
  id_ = *id;
  return {};
}

void GatheredMap::detach() {
  if (owner_ == nullptr) return;
  owner_->flush();
  const Result<void> detached = owner_->engine().detach(relation_);
  TG_ASSERT(detached.ok());
  owner_ = nullptr;
}

RowId GatheredMap::apply(const Write& write) {
  if (owner_ == nullptr) return rows_.apply(write);
  owner_->touch();
  return owner_->engine().apply(id_, write);
}

void GatheredMap::end_batch() {
  if (owner_ == nullptr) rows_.end_batch();
}

/// Reads a record, and writes it.
GatheredMap::Place GatheredMap::set(ByteReader& in) {
  in.blob(SIZE_MAX);  // No sort key.
  const ByteView key = in.blob(SIZE_MAX);
  const ByteView value = in.blob(SIZE_MAX);
  Bytes record = to_bytes(key);
  record.insert(record.end(), value.begin(), value.end());
  Write write;
  write.row = rows_.find(key);
  if (write.row && TG_MUTANT(94)) return write.row;
  write.key = ByteView(record).first(key.size());
  write.after = ByteView(record).subspan(key.size());
  if (write.row) write.before = rows_.rows().view(*write.row).value;
  const RowId row = apply(write);
  if (row >= records_.size()) records_.resize(size_t{row} + 1);
  bytes_ += record.size();
  bytes_ -= records_[row].size();
  // Its bytes stay where they are.
  std::swap(records_[row], record);
  return row;
}

void GatheredMap::drop(const Place& place) {
  if (!place) return;
  const RowId row = *place;
  const auto doubled = doubled_.find(row);
  if (doubled != doubled_.end()) {
    if (--doubled->second == 0) doubled_.erase(doubled);
    return;
  }
  const query::RowView view = rows_.rows().view(row);
  Write write;
  write.row = row;
  write.key = view.key;
  write.before = view.value;
  apply(write);
  bytes_ -= records_[row].size();
  records_[row] = {};
}

void GatheredMap::take_part(size_t part, ByteReader& in) {
  TG_ASSERT(parts_[part].empty());
  for (uint64_t count = in.varint(); count > 0; --count) parts_[part].push_back(set(in));
  end_batch();
}

void GatheredMap::take_steps(size_t part, ByteReader& in) {
  std::vector<Place>& places = parts_[part];
  for (uint64_t count = in.varint(); count > 0; --count) {
    const auto kind = static_cast<Edit::Kind>(in.u8());
    const auto from = static_cast<ptrdiff_t>(in.varint());
    const auto to = static_cast<ptrdiff_t>(in.varint());
    const bool is_there = in.u8() != 0;
    // Windows that were not refilled are too short for what is told of them.
    const size_t end = places.size() + (kind == Edit::Kind::Enter ? 1 : 0);
    if (TG_MUTANT(64) && static_cast<size_t>(std::max(from, to)) >= end) {
      return end_batch();
    }
    switch (kind) {
      case Edit::Kind::Enter: {
        const size_t rows_before = rows_.rows().size();
        const Place place = is_there ? set(in) : std::nullopt;
        const bool is_new = rows_.rows().size() > rows_before;
        if (place && !is_new) ++doubled_[*place];
        places.insert(places.begin() + to, place);
        break;
      }
      case Edit::Kind::Update:
        if (is_there) set(in);
        break;
      case Edit::Kind::Move: {
        // Of those in an order that a view wants the first of.
        const Place place = is_there ? set(in) : places[static_cast<size_t>(from)];
        places.erase(places.begin() + from);
        places.insert(places.begin() + to, place);
        break;
      }
      case Edit::Kind::Leave:
        TG_SOMETIMES(true, GatheredRowLeaves);
        drop(places[static_cast<size_t>(from)]);
        places.erase(places.begin() + from);
        break;
    }
  }
  TG_ASSERT(doubled_.empty() || TG_MUTANT(64));
  end_batch();
}

// --- all of them ---

size_t GatheredMaps::Gathered::part_of(uint16_t shard) const {
  const auto found = std::find(shards.begin(), shards.end(), shard);
  TG_ASSERT(found != shards.end());
  return static_cast<size_t>(found - shards.begin());
}

Result<uint64_t> GatheredMaps::want(uint64_t user, uint64_t number, ByteView map,
                                    const query::Query& condition,
                                    const std::vector<uint16_t>& shards, bool live, PartForm form) {
  Bytes payload;
  ByteWriter writer(payload);
  writer.blob(map);
  writer.blob(query::encode_query(condition));
  if (live) {
    const auto known = live_.find(payload);
    if (known != live_.end()) {
      gathered_.at(known->second).users.insert(user);
      return known->second;
    }
  }
  Gathered& gathered =
      gathered_.try_emplace(number, shards, live ? payload : Bytes{}).first->second;
  if (live) {
    // No client's map is called so.
    std::string relation(node::kReservedMapPrefix);
    relation += "gathered." + std::to_string(number);
    const auto attached = gathered.map.attach(owner_, std::move(relation));
    if (!attached.ok()) {
      gathered_.erase(number);
      return attached.error();
    }
    live_.emplace(payload, number);
  }
  gathered.users.insert(user);
  const node::SharedBytes shared = node::share(std::move(payload));
  const auto ask = static_cast<uint64_t>(live ? Ask::Live : Ask::Once);
  for (const uint16_t shard : gathered.shards) {
    context_.post(shard, ShardMessageKind::OpenQuery, {number, ask, static_cast<uint64_t>(form)},
                  shared);
  }
  return number;
}

void GatheredMaps::release(uint64_t user, const std::vector<uint64_t>& numbers) {
  for (const uint64_t number : numbers) {
    const auto found = gathered_.find(number);
    if (found == gathered_.end()) continue;  // A side more with the same records.
    Gathered& gathered = found->second;
    gathered.users.erase(user);
    if (!gathered.users.empty()) continue;
    if (!gathered.name.empty()) {
      live_.erase(gathered.name);
      for (const uint16_t shard : gathered.shards) {
        context_.post(shard, ShardMessageKind::CloseQuery, {number}, nullptr);
      }
    }
    gathered.map.detach();
    bytes_ -= gathered.map.bytes();
    gathered_.erase(found);
  }
}

void GatheredMaps::on_part(const node::ShardMessage& message) {
  Gathered& gathered = gathered_.at(message.numbers[0]);
  ByteReader in(*message.payload);
  bytes_ -= gathered.map.bytes();
  gathered.map.take_part(gathered.part_of(message.from), in);
  bytes_ += gathered.map.bytes();
  --gathered.missing;
}

void GatheredMaps::on_changed(const node::ShardMessage& message) {
  Gathered& gathered = gathered_.at(message.numbers[0]);
  ByteReader in(*message.payload);
  bytes_ -= gathered.map.bytes();
  gathered.map.take_steps(gathered.part_of(message.from), in);
  bytes_ += gathered.map.bytes();
}

}  // namespace topgun::dataflow
