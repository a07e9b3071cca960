#include "core/storage/recovery.hpp"

#include <algorithm>

namespace topgun::storage {

LogRecovery::LogRecovery(uint64_t log_id, std::optional<LogRetention::Start> start)
    : log_id_(log_id), start_(start) {}

Error LogRecovery::damaged(uint64_t segment, uint64_t offset, std::string_view reason) {
  damage_ = Damage{segment, offset, reason};
  return Error::StorageCorrupt;
}

Result<void> LogRecovery::segment(uint64_t number, ByteView content, const OnGroup& on_group) {
  TG_ASSERT(number > end_.segment);
  // The header is durable before the file gets its name, so a crash cannot tear it.
  const Result<SegmentHeader> header = decode_segment_header(content);
  if (!header.ok()) return damaged(number, 0, "the segment header is damaged");
  if (header->log_id != log_id_) return damaged(number, 0, "the segment belongs to another log");
  if (header->segment != number) return damaged(number, 0, "the segment has another number");
  end_.segment = number;

  uint64_t offset = kLogPageBytes;
  ByteView last_payload;
  bool is_first = true;
  while (offset < content.size()) {
    const Result<Block> block = decode_block(content.subspan(offset), log_id_);
    if (!block.ok() || block->header.segment != number) break;
    bool is_repetition = false;
    if (auto linked = check_link(number, offset, *block, is_first, is_repetition); !linked.ok()) {
      return linked;
    }
    if (auto read = deliver(number, offset, *block, is_repetition, on_group); !read.ok()) {
      return read;
    }
    if (!end_.last) end_.last = LogEnd::LastBlock{};
    end_.last->header = block->header;
    end_.last->checksum = block->checksum;
    last_payload = block->payload;
    is_first = false;
    offset += block->span();
  }
  if (!is_first) end_.last->payload = to_bytes(last_payload);
  return check_tail(number, offset, content);
}

/// Whether `block` continues the chain. The first block of a segment may also repeat the last block
/// of the chain: that is how a failed sync is made good, and how every restart begins.
Result<void> LogRecovery::check_link(uint64_t number, uint64_t offset, const Block& block,
                                     bool is_first_in_segment, bool& is_repetition) {
  if (!end_.last) {
    const uint64_t first = start_ ? start_->block : 1;
    if (block.header.block != first) {
      return damaged(start_ ? start_->segment : number, kLogPageBytes,
                     "the first blocks are missing");
    }
    if (first == 1 && block.header.previous != 0) {
      return damaged(number, offset, "the first block names one before it");
    }
    return {};
  }
  const LogEnd::LastBlock& last = *end_.last;
  if (block.header.block == last.header.block + 1 && block.header.previous == last.checksum) {
    return {};
  }
  is_repetition = is_first_in_segment && block.header.block == last.header.block &&
                  block.header.previous == last.header.previous &&
                  block.header.incarnation == last.header.incarnation &&
                  equal_bytes(block.payload, last.payload);
  if (is_repetition) return {};
  if (is_first_in_segment && block.header.block > last.header.block) {
    return damaged(tail_.segment, tail_.offset, "blocks are missing here");
  }
  return damaged(number, offset, "the block does not continue the chain");
}

Result<void> LogRecovery::deliver(uint64_t number, uint64_t offset, const Block& block,
                                  bool is_repetition, const OnGroup& on_group) {
  blocks_ += is_repetition ? 0 : 1;
  log_bytes_ += block.span();
  for (GroupReader groups(block.payload); !groups.at_end();) {
    const Result<EntryGroup> group = groups.next();
    if (!group.ok()) return damaged(number, offset, "the block holds malformed entries");
    const LogStream stream{block.header.incarnation, group->shard};
    retention_.note(number, block.header.block, stream, group->last_sequence());
    if (is_repetition) continue;
    const auto [last, is_new] = last_sequences_.try_emplace(stream, 0);
    if (!is_new && group->first_sequence != last->second + 1) {
      return damaged(number, offset, "entries are missing before this block");
    }
    last->second = group->last_sequence();
    if (auto read = on_group(block.header, *group); !read.ok()) {
      damage_ = Damage{number, offset, "an entry was refused"};
      return read;
    }
  }
  return {};
}

/// Looks for a valid block of this segment at or after `offset`, where the chain broke off.
Result<void> LogRecovery::check_tail(uint64_t number, uint64_t offset, ByteView content) {
  tail_ = {number, offset};
  torn_bytes_ = 0;
  for (uint64_t at = offset; at < content.size(); at += kLogPageBytes) {
    const ByteView rest = content.subspan(at);
    if (!looks_like_block_of(rest, number)) continue;
    if (decode_block(rest, log_id_).ok()) {
      return damaged(number, offset, "a damaged block with valid blocks after it");
    }
    if (at == offset) {
      const uint64_t claimed = uint64_t{rest[4]} | uint64_t{rest[5]} << 8 |
                               uint64_t{rest[6]} << 16 | uint64_t{rest[7]} << 24;
      torn_bytes_ = std::min<uint64_t>(kBlockHeaderBytes + claimed, rest.size());
    }
  }
  return {};
}

Result<void> LogRecovery::finish() {
  if (start_ && !end_.last) return damaged(start_->segment, 0, "the log is missing");
  return {};
}

}  // namespace topgun::storage
