#include <cstdlib>

#include "core/base/byte_io.hpp"
#include "core/storage/recovery.hpp"

/// Whatever bytes stand in a segment: recovery ends, in a result or in `StorageCorrupt` with a
/// place, and hands out entries only inside the segment. The checksums would keep nearly all
/// mutations from getting any further, so the block is sealed here, and the input chooses its
/// payload, the fields of its header, and what stands after it.

namespace {

using namespace topgun;
using namespace topgun::storage;

constexpr uint64_t kLogId = 5;

void expect(bool condition) {
  if (!condition) std::abort();
}

void recover(ByteView content) {
  LogRecovery recovery(kLogId, std::nullopt);
  const uint8_t* const begin = content.data();
  const uint8_t* const end = begin + content.size();
  const auto on_group = [&](const BlockHeader&, const EntryGroup& group) -> Result<void> {
    uint64_t entries = 0;
    for (EntryReader each(group.entries); !each.at_end(); ++entries) {
      const Result<Entry> entry = each.next();
      expect(entry.ok());
      expect(entry->payload.empty() || (entry->payload.data() >= begin &&
                                        entry->payload.data() + entry->payload.size() <= end));
    }
    expect(entries == group.count);
    return {};
  };
  const Result<void> read = recovery.segment(1, content, on_group);
  expect(read.ok() || read.error() == Error::StorageCorrupt);
  expect(read.ok() != recovery.damage().has_value());
  if (read.ok()) expect(recovery.tail_offset() <= align_to_page(content.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  (void)decode_segment_header(bytes);
  (void)decode_block(bytes, kLogId);
  for (GroupReader groups(bytes); !groups.at_end();) {
    if (!groups.next().ok()) break;
  }

  ByteReader in(bytes);
  BlockHeader header;
  header.block = in.u8();
  header.segment = in.u8();
  header.previous = in.u8();
  header.incarnation = 1;
  const ByteView payload = in.blob(size);
  if (!in.ok()) return 0;
  Bytes segment = encode_segment_header({kLogId, 1});
  Bytes block(kBlockHeaderBytes, 0);
  block.insert(block.end(), payload.begin(), payload.end());
  seal_block(block, kLogId, header);
  segment.insert(segment.end(), block.begin(), block.end());
  const ByteView rest = in.rest();
  segment.insert(segment.end(), rest.begin(), rest.end());
  recover(segment);
  return 0;
}
