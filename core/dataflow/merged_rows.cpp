#include "core/dataflow/merged_rows.hpp"

#include <algorithm>
#include <map>

#include "core/base/probe.hpp"

namespace topgun::dataflow {
namespace {

template <typename T>
auto at(std::vector<T>& list, size_t index) {
  TG_ASSERT(index <= list.size());
  return list.begin() + static_cast<ptrdiff_t>(index);
}

}  // namespace

void MergedRows::write_row(ByteWriter& out, const PartRow& row) {
  out.blob(row.order);
  out.blob(row.key);
  out.blob(row.value);
}

std::unique_ptr<MergedRows::Row> MergedRows::read_row(ByteReader& in) {
  auto row = std::make_unique<Row>();
  row->order = to_bytes(in.blob(SIZE_MAX));
  row->key = to_bytes(in.blob(SIZE_MAX));
  row->value = to_bytes(in.blob(SIZE_MAX));
  return row;
}

void MergedRows::write_entry(ByteWriter& out, const Row& row) const {
  if (is_joined_) return out.raw(row.value);
  out.blob(row.key);
  out.blob(row.value);
}

size_t MergedRows::rank_of(ByteView order) const {
  const auto found = std::lower_bound(
      merged_.begin(), merged_.end(), order,
      [](const Row* row, ByteView key) { return compare_bytes(row->order, key) < 0; });
  return static_cast<size_t>(found - merged_.begin());
}

void MergedRows::take_part(size_t part, ByteReader& in) {
  TG_ASSERT(parts_[part].empty());
  const size_t middle = merged_.size();
  for (uint64_t count = in.varint(); count > 0; --count) {
    parts_[part].push_back(read_row(in));
    Row* const row = parts_[part].back().get();
    row->is_merged = true;
    bytes_ += row->bytes();
    merged_.push_back(row);
  }
  std::inplace_merge(
      merged_.begin(), at(merged_, middle), merged_.end(),
      [](const Row* a, const Row* b) { return compare_bytes(a->order, b->order) < 0; });
}

bool MergedRows::take_steps(size_t part, ByteReader& in, Bytes& out) {
  for (uint64_t count = in.varint(); count > 0; --count) take_step(parts_[part], in);
  settle();
  if (!seen_.empty()) {
    ByteWriter writer(out);
    writer.varint(seen_.size());
    for (const Seen& step : seen_) {
      writer.u8(static_cast<uint8_t>(step.kind));
      writer.varint(step.from);
      writer.varint(step.to);
      if (step.kind == Edit::Kind::Leave) continue;
      writer.u8(1);
      write_entry(writer, *step.row);
    }
  }
  const bool any = !seen_.empty();
  seen_.clear();
  gone_.clear();
  come_.clear();
  return any;
}

void MergedRows::take_step(Part& part, ByteReader& in) {
  const auto kind = static_cast<Edit::Kind>(in.u8());
  const size_t from = static_cast<size_t>(in.varint());
  const size_t to = static_cast<size_t>(in.varint());
  std::unique_ptr<Row> row;
  if (in.u8() != 0) row = read_row(in);
  // Windows that were not refilled are too short for what is told of them.
  if (TG_MUTANT(64) && std::max(from, to) >= part.size() + (kind == Edit::Kind::Enter)) return;
  switch (kind) {
    case Edit::Kind::Enter:
      if (!row) {
        row = std::make_unique<Row>();
        row->is_told = false;
      }
      come_.push_back(row.get());
      part.insert(at(part, to), std::move(row));
      return;
    case Edit::Kind::Update:
      if (!row) return;
      come_.push_back(row.get());
      std::swap(part[to], row);
      return retire(std::move(row));
    case Edit::Kind::Move: {
      std::unique_ptr<Row> before = std::move(part[from]);
      part.erase(at(part, from));
      if (row) {
        come_.push_back(row.get());
        part.insert(at(part, to), std::move(row));
        return retire(std::move(before));
      }
      part.insert(at(part, to), std::move(before));
      return;
    }
    case Edit::Kind::Leave: {
      std::unique_ptr<Row> before = std::move(part[from]);
      part.erase(at(part, from));
      return retire(std::move(before));
    }
  }
}

/// A row is no longer of its part. It stays until the batch is settled: steps may speak of it.
void MergedRows::retire(std::unique_ptr<Row> row) {
  if (!row->is_merged) std::erase(come_, row.get());
  gone_.push_back(std::move(row));
}

/// Brings the merged list up to the parts.
void MergedRows::settle() {
  std::map<ByteView, const Row*,
           decltype([](ByteView a, ByteView b) { return compare_bytes(a, b) < 0; })>
      before;
  for (const auto& row : gone_) {
    if (row->is_merged) before[row->key] = row.get();
  }
  std::vector<Row*> entered;
  std::vector<std::pair<const Row*, Row*>> changed;
  for (Row* const row : come_) {
    if (!row->is_told) continue;
    row->is_merged = true;
    bytes_ += row->bytes();
    const auto same = before.find(row->key);
    if (same == before.end()) {
      entered.push_back(row);
      continue;
    }
    changed.emplace_back(same->second, row);
    bytes_ -= same->second->bytes();
    before.erase(same);
  }
  for (const auto& row : gone_) {
    const auto left = before.find(row->key);
    if (left == before.end() || left->second != row.get()) continue;
    bytes_ -= row->bytes();
    remove(row.get());
  }
  for (const auto& [old_row, row] : changed) replace(old_row, row);
  for (Row* const row : entered) insert(row);
}

void MergedRows::see(Edit::Kind kind, size_t from, size_t to, const Row* row) {
  const auto offset = static_cast<size_t>(offset_);
  const bool has_from = kind == Edit::Kind::Move || kind == Edit::Kind::Leave;
  const bool has_to = kind != Edit::Kind::Leave;
  seen_.push_back({kind, has_from ? from - offset : 0, has_to ? to - offset : 0, row});
}

void MergedRows::remove(const Row* row) {
  const size_t rank = rank_of(row->order);
  TG_ASSERT(rank < merged_.size() && merged_[rank] == row);
  merged_.erase(at(merged_, rank));
  if (rank >= end() || end() == offset_) return;
  // If it stood before the window, the window's first row slips out instead, if there is one.
  const size_t out = std::max(rank, static_cast<size_t>(offset_));
  if (out > merged_.size()) return;
  see(Edit::Kind::Leave, out, 0, nullptr);
  const uint64_t last = end() - 1;
  if (last >= merged_.size()) return;
  see(Edit::Kind::Enter, 0, static_cast<size_t>(last), merged_[static_cast<size_t>(last)]);
}

void MergedRows::insert(Row* row) {
  const size_t rank = rank_of(row->order);
  merged_.insert(at(merged_, rank), row);
  if (rank >= end() || end() == offset_) return;
  const auto offset = static_cast<size_t>(offset_);
  // The last one makes room.
  if (end() < merged_.size()) see(Edit::Kind::Leave, static_cast<size_t>(end()) - 1, 0, nullptr);
  const size_t in = std::max(rank, offset);
  if (in < merged_.size()) see(Edit::Kind::Enter, 0, in, merged_[in]);
}

void MergedRows::replace(const Row* before, Row* after) {
  const size_t from = rank_of(before->order);
  TG_ASSERT(from < merged_.size() && merged_[from] == before);
  if (before->order == after->order) {
    merged_[from] = after;
    if (is_shown(from)) see(Edit::Kind::Update, 0, from, after);
    return;
  }
  size_t to = rank_of(after->order);
  if (to > from) --to;  // As it will be without the one before.
  const auto zone = [&](size_t rank) { return rank < offset_ ? 0 : rank < end() ? 1 : 2; };
  if (zone(from) != zone(to)) {
    remove(before);
    return insert(after);
  }
  merged_.erase(at(merged_, from));
  merged_.insert(at(merged_, to), after);
  if (!is_shown(from)) return;
  if (from == to) return see(Edit::Kind::Update, 0, to, after);
  see(Edit::Kind::Move, from, to, after);
}

void MergedRows::write_answer(ByteWriter& out) const {
  const size_t begin = std::min<size_t>(merged_.size(), static_cast<size_t>(offset_));
  const size_t stop = static_cast<size_t>(std::min<uint64_t>(merged_.size(), end()));
  out.varint(stop - begin);
  for (size_t i = begin; i < stop; ++i) {
    write_entry(out, *merged_[i]);
  }
}

ByteView MergedRows::cursor() const {
  const uint64_t stop = end();
  if (!limit_ || *limit_ == 0 || stop > merged_.size()) return {};
  return merged_[static_cast<size_t>(stop) - 1]->order;
}

}  // namespace topgun::dataflow
