#include "tests/support/log_disk.hpp"

#include <algorithm>

#include "core/base/byte_io.hpp"

namespace topgun::storage {

void LogDisk::create(const SegmentHeader& header, uint64_t bytes) {
  Bytes content;
  if (!spares_.empty()) {
    content = std::move(spares_.back());
    spares_.pop_back();
  }
  content.resize(bytes, 0);
  const Bytes head = encode_segment_header(header);
  std::copy(head.begin(), head.end(), content.begin());
  segments_[header.segment] = std::move(content);
}

void LogDisk::write(uint64_t segment, uint64_t offset, ByteView data) {
  Bytes& content = segments_.at(segment);
  TG_ASSERT(offset + data.size() <= content.size());
  TG_ASSERT(offset % kLogPageBytes == 0);
  const auto at = content.begin() + static_cast<ptrdiff_t>(offset);
  Write write;
  write.offset = offset;
  write.before.assign(at, at + static_cast<ptrdiff_t>(data.size()));
  std::copy(data.begin(), data.end(), at);
  at_risk_[segment].push_back(std::move(write));
}

void LogDisk::sync_fails(uint64_t segment) {
  std::vector<Write>& writes = at_risk_[segment];
  std::vector<Write>& poisoned = poisoned_[segment];
  for (Write& write : writes) poisoned.push_back(std::move(write));
  at_risk_.erase(segment);
}

void LogDisk::retire(uint64_t segment) {
  spares_.push_back(std::move(segments_.at(segment)));
  segments_.erase(segment);
  at_risk_.erase(segment);
  poisoned_.erase(segment);
}

void LogDisk::truncate(uint64_t segment, uint64_t bytes) {
  Bytes& content = segments_.at(segment);
  if (content.size() <= bytes) return;
  content.resize(bytes);
  const auto is_beyond = [bytes](const Write& write) {
    return write.offset + write.before.size() > bytes;
  };
  std::erase_if(at_risk_[segment], is_beyond);
  std::erase_if(poisoned_[segment], is_beyond);
}

uint64_t LogDisk::sectors_at_risk() const {
  uint64_t bytes = 0;
  for (const auto* const risks : {&at_risk_, &poisoned_}) {
    for (const auto& [segment, writes] : *risks) {
      for (const Write& write : writes) bytes += write.before.size();
    }
  }
  return bytes / kSectorBytes;
}

void LogDisk::lose_power(Gen& gen, bool may_tear) {
  for (auto* const risks : {&at_risk_, &poisoned_}) {
    for (auto& [segment, writes] : *risks) {
      Bytes& content = segments_.at(segment);
      for (const Write& write : writes) {
        for (uint64_t at = 0; at < write.before.size(); at += kSectorBytes) {
          // Kept, lost, or half of it written.
          const uint64_t fate = gen.below(may_tear ? 3 : 2);
          if (fate == 0) continue;
          const uint64_t from = at + (fate == 2 ? kSectorBytes / 2 : 0);
          const auto begin = write.before.begin() + static_cast<ptrdiff_t>(from);
          const auto end = write.before.begin() + static_cast<ptrdiff_t>(at + kSectorBytes);
          std::copy(begin, end, content.begin() + static_cast<ptrdiff_t>(write.offset + from));
        }
      }
    }
    risks->clear();
  }
}

Bytes LogModel::payload(LogStream stream, uint64_t sequence, uint64_t bytes) {
  Bytes out;
  ByteWriter writer(out);
  writer.u64(stream.incarnation);
  writer.u16(stream.shard);
  writer.u64(sequence);
  // Filled with noise that differs from entry to entry, so that no lost sector goes unnoticed
  // because the old one looked the same.
  while (out.size() < bytes) writer.u64(mix64(sequence * 8191 + out.size()));
  return out;
}

void LogModel::append(uint16_t shard, uint64_t count, uint64_t entry_bytes) {
  const LogStream stream{incarnation_, shard};
  uint64_t& last = appended_[shard];
  const uint64_t first = last + 1;
  Bytes entries;
  ByteWriter writer(entries);
  for (uint64_t i = 0; i < count; ++i) {
    const Bytes body = payload(stream, ++last, entry_bytes);
    writer.u32(static_cast<uint32_t>(body.size()));
    writer.u8(1);
    writer.raw(body);
  }
  ever_appended_[stream] = last;
  TG_ASSERT(writer_->append(shard, first, last, std::move(entries)).ok());
}

bool LogModel::step(Outcome outcome) {
  const auto request = writer_->next();
  if (!request) return false;
  const bool is_write = request->kind == LogWriter::Request::Kind::Write;
  if (outcome == Outcome::FullDisk && !is_write) {
    writer_->completed(Error::StorageFull);
    return true;
  }
  if (is_write) {
    disk_.write(request->segment, request->offset, request->data);
  } else {
    disk_.create({kLogId, request->segment}, request->bytes);
  }
  if (outcome != Outcome::Done) {
    if (is_write) disk_.sync_fails(request->segment);
    writer_->completed(Error::StorageIo);
    return true;
  }
  if (is_write) {
    disk_.sync(request->segment);
    blocks_written_ += 1;
  }
  const LogWriter::Progress progress = writer_->completed({});
  for (const LogWriter::Durable& each : progress.durable) {
    retention_.note(progress.segment, progress.block, each.stream, each.sequence);
    uint64_t& acknowledged = acknowledged_[each.stream];
    acknowledged = std::max(acknowledged, each.sequence);
  }
  return true;
}

bool LogModel::step_without_completion() {
  const auto request = writer_->next();
  if (!request) return false;
  if (request->kind == LogWriter::Request::Kind::Write) {
    disk_.write(request->segment, request->offset, request->data);
  } else {
    disk_.create({kLogId, request->segment}, request->bytes);
  }
  return true;
}

void LogModel::checkpoint() {
  for (const auto& [stream, sequence] : acknowledged_) applied_.advance(stream, sequence);
  const auto start = retention_.start(applied_);
  if (!start) return;
  start_ = start;
  retention_.release_before(start->segment);
  std::vector<uint64_t> superfluous;
  for (const auto& [segment, content] : disk_.segments()) {
    if (segment < start->segment) superfluous.push_back(segment);
  }
  for (const uint64_t segment : superfluous) disk_.retire(segment);
}

Result<void> LogModel::recover(LogRecovery& recovery, std::map<LogStream, uint64_t>& seen) {
  const auto on_group = [&](const BlockHeader& block, const EntryGroup& group) -> Result<void> {
    const LogStream stream{block.incarnation, group.shard};
    uint64_t sequence = group.first_sequence;
    for (EntryReader each(group.entries); !each.at_end(); ++sequence) {
      const Result<Entry> entry = each.next();
      if (!entry.ok()) return entry.error();
      const uint64_t bytes = std::max<uint64_t>(entry->payload.size(), 18);
      if (!equal_bytes(entry->payload, payload(stream, sequence, bytes))) return Error::Internal;
      const auto last = seen.find(stream);
      // Without gaps from where the log begins.
      if (last != seen.end() && sequence != last->second + 1) return Error::Internal;
      if (last == seen.end() && sequence > applied_.sequence(stream) + 1) return Error::Internal;
      if (sequence > ever_appended_[stream]) return Error::Internal;
      seen[stream] = sequence;
      entries_recovered_ += 1;
    }
    return {};
  };
  for (const auto& [number, content] : disk_.segments()) {
    const Result<void> read = recovery.segment(number, content, on_group);
    damage_ = recovery.damage();
    if (!read.ok()) return read;
  }
  const Result<void> finished = recovery.finish();
  damage_ = recovery.damage();
  return finished;
}

bool LogModel::is_complete(const std::map<LogStream, uint64_t>& seen) {
  for (const auto& [stream, sequence] : acknowledged_) {
    const auto found = seen.find(stream);
    const uint64_t last = found == seen.end() ? 0 : found->second;
    if (std::max(last, applied_.sequence(stream)) < sequence) return false;
  }
  return true;
}

Result<void> LogModel::verify() {
  LogRecovery recovery(kLogId, start_);
  std::map<LogStream, uint64_t> seen;
  entries_recovered_ = 0;
  if (auto read = recover(recovery, seen); !read.ok()) return read;
  if (!is_complete(seen)) return Error::Internal;
  return {};
}

bool LogModel::restart() {
  LogRecovery recovery(kLogId, start_);
  std::map<LogStream, uint64_t> seen;
  entries_recovered_ = 0;
  if (auto read = recover(recovery, seen); !read.ok()) {
    problem_ = read.error() == Error::StorageCorrupt ? "recovery sees damage where only a crash was"
                                                     : "the log holds what was never written";
    if (damage_) problem_ += ": " + std::string(damage_->reason);
    return false;
  }
  if (!is_complete(seen)) {
    problem_ = "an acknowledged entry is missing";
    return false;
  }
  // Whoever looked has seen these entries: they must never vanish again once anything is
  // acknowledged after them.
  const uint64_t tail_segment = disk_.segments().empty() ? 0 : disk_.segments().rbegin()->first;
  LogEnd end = recovery.take_end();
  TG_ASSERT(end.segment == tail_segment);
  retention_ = recovery.take_retention();
  incarnation_ += 1;
  appended_.clear();
  writer_.emplace(
      LogWriter::Options{kLogId, incarnation_, limits_.segment_bytes, limits_.block_bytes},
      std::move(end));
  return true;
}

}  // namespace topgun::storage
