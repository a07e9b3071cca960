#include "core/storage/log_writer.hpp"

#include <algorithm>

namespace topgun::storage {

LogWriter::LogWriter(const Options& options, LogEnd end)
    : options_(options), segment_(end.segment) {
  TG_ASSERT(options_.segment_bytes >= 2 * kLogPageBytes);
  TG_ASSERT(options_.segment_bytes % kLogPageBytes == 0);
  TG_ASSERT(options_.block_bytes <= kBlockBytesMax);
  if (end.last) repeat_last_block(std::move(*end.last));
}

void LogWriter::repeat_last_block(LogEnd::LastBlock last) {
  header_ = last.header;
  next_block_ = last.header.block + 1;
  block_.assign(kBlockHeaderBytes, 0);
  block_.insert(block_.end(), last.payload.begin(), last.payload.end());
  block_bytes_ = block_.size();
  for (GroupReader groups(last.payload); !groups.at_end();) {
    const Result<EntryGroup> group = groups.next();
    if (!group.ok()) break;  // Recovery has read this payload; it does not come to this.
    note_stream({{header_.incarnation, group->shard}, group->last_sequence()});
  }
}

Result<void> LogWriter::append(uint16_t shard, uint64_t first_sequence, uint64_t last_sequence,
                               Bytes entries) {
  if (first_sequence == 0 || last_sequence < first_sequence) return Error::Malformed;
  uint64_t count = 0;
  for (EntryReader each(entries); !each.at_end(); ++count) {
    const Result<Entry> entry = each.next();
    if (!entry.ok()) return entry.error();
    if (entry->payload.size() + kEntryHeaderBytes > kEntryBytesMax) return Error::TooLarge;
  }
  if (count != last_sequence - first_sequence + 1) return Error::Malformed;
  pending_bytes_ += entries.size();
  pending_.push_back({shard, first_sequence, last_sequence, std::move(entries), 0});
  return {};
}

std::optional<LogWriter::Request> LogWriter::next() {
  if (in_flight_ || stopped_) return std::nullopt;
  if (block_.empty()) build_block();
  if (block_.empty()) return std::nullopt;

  if (!open_ || offset_ + block_span() > segment_bytes_) {
    open_ = false;
    segment_ += 1;
    segment_bytes_ = std::max(options_.segment_bytes, kLogPageBytes + block_span());
    in_flight_ = Request::Kind::OpenSegment;
    return Request{Request::Kind::OpenSegment, segment_, segment_bytes_, 0, {}};
  }
  // Sealed as late as this because the header names the segment, which changes after a failure.
  block_.resize(block_bytes_);
  header_.segment = segment_;
  checksum_ = seal_block(block_, options_.log_id, header_);
  in_flight_ = Request::Kind::Write;
  return Request{Request::Kind::Write, segment_, segment_bytes_, offset_, block_};
}

LogWriter::Progress LogWriter::completed(const Result<void>& outcome) {
  TG_ASSERT(in_flight_.has_value());
  const Request::Kind kind = *in_flight_;
  in_flight_.reset();

  if (!outcome.ok()) {
    open_ = false;
    // One failed write is worth one new file; a second failure in a row is the device's.
    if (kind == Request::Kind::OpenSegment || write_failed_) stopped_ = outcome.error();
    write_failed_ = kind == Request::Kind::Write;
    return {};
  }
  if (kind == Request::Kind::OpenSegment) {
    open_ = true;
    offset_ = kLogPageBytes;
    return {};
  }
  write_failed_ = false;
  offset_ += block_span();
  previous_ = checksum_;
  block_.clear();
  block_bytes_ = 0;
  return {segment_, header_.block, std::move(block_streams_)};
}

/// One entry a stream: its groups come in ascending order, so the last one counts.
void LogWriter::note_stream(const Durable& group) {
  for (Durable& known : block_streams_) {
    if (known.stream != group.stream) continue;
    known.sequence = group.sequence;
    return;
  }
  block_streams_.push_back(group);
}

void LogWriter::build_block() {
  if (pending_.empty()) return;
  block_.assign(kBlockHeaderBytes, 0);
  block_streams_.clear();
  while (!pending_.empty() && take_group(pending_.front())) {
    Pending& front = pending_.front();
    if (front.taken < front.entries.size()) break;  // The block is full.
    pending_.pop_front();
  }
  block_bytes_ = block_.size();
  header_ = {next_block_++, 0, previous_, options_.incarnation};
}

/// Puts as many entries of `pending` into the block as fit, at least one into an empty block.
/// False if none was taken.
bool LogWriter::take_group(Pending& pending) {
  const ByteView rest = ByteView(pending.entries).subspan(pending.taken);
  const bool is_empty = block_.size() == kBlockHeaderBytes;
  const uint64_t used = block_.size() + kGroupHeaderBytesMax;
  const uint64_t room = options_.block_bytes > used ? options_.block_bytes - used : 0;

  EntryGroup group{pending.shard, pending.first_sequence, 0, {}};
  size_t bytes = 0;
  if (rest.size() <= room) {
    bytes = rest.size();
    group.count = static_cast<uint32_t>(pending.last_sequence - pending.first_sequence + 1);
  } else {
    for (EntryReader each(rest); !each.at_end();) {
      const Result<Entry> entry = each.next();
      TG_ASSERT(entry.ok());  // `append` has read them all.
      const size_t entry_bytes = entry->payload.size() + kEntryHeaderBytes;
      const bool fits = bytes + entry_bytes <= room || (is_empty && group.count == 0);
      if (!fits) break;
      bytes += entry_bytes;
      group.count += 1;
    }
    if (group.count == 0) return false;
  }
  group.entries = rest.first(bytes);
  encode_group_header(block_, group);
  block_.insert(block_.end(), group.entries.begin(), group.entries.end());
  note_stream({{options_.incarnation, pending.shard}, group.last_sequence()});
  pending.taken += bytes;
  pending.first_sequence += group.count;
  pending_bytes_ -= bytes;
  return true;
}

}  // namespace topgun::storage
