// Storage that breaks its promises, for the crash test's negative controls: a harness that finds
// nothing wrong with this server would find nothing wrong with any. Linked in the place of
// storage_engine.cpp; the product holds no trace of it. TOPGUN_FAULT chooses:
//
//   ack-before-write   entries count as durable before they are written.
//   dropped-record     one entry in fifty never reaches the log: another stands in its place, so
//                      that the log itself is in order.
//   any other name     the engine as it is; faulty_system_calls.cpp may know it.

#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/byte_io.hpp"
#include "host-native/storage/engine.hpp"
#include "host-native/storage/posix_environment.hpp"

namespace topgun::host {
namespace {

enum class Fault { AckBeforeWrite, DroppedRecord };

class FaultyEngine final : public StorageEngine {
 public:
  FaultyEngine(std::unique_ptr<StorageEngine> sound, Fault fault)
      : sound_(std::move(sound)), fault_(fault) {}

  const RecoveryReport& recovery() const override { return sound_->recovery(); }
  void start(Callbacks callbacks, uint16_t shard_count) override {
    durable_ = callbacks.durable;
    if (fault_ == Fault::AckBeforeWrite) callbacks.durable = [](uint16_t, uint64_t) {};
    sound_->start(std::move(callbacks), shard_count);
  }
  void append(uint16_t shard, node::Effects::LogAppend append) override {
    const uint64_t last = append.last_sequence;
    if (fault_ == Fault::DroppedRecord) drop_some(append);
    sound_->append(shard, std::move(append));
    if (fault_ == Fault::AckBeforeWrite && last != 0) durable_(shard, last);
  }
  void checkpoint(uint16_t shard, node::CheckpointChunk chunk) override {
    sound_->checkpoint(shard, std::move(chunk));
  }
  uint64_t checkpoint_backlog_bytes() const override { return sound_->checkpoint_backlog_bytes(); }
  Result<void> backup(const std::string& directory) override { return sound_->backup(directory); }
  void close() override { sound_->close(); }

 private:
  static void drop_some(node::Effects::LogAppend& append) {
    Bytes kept;
    ByteWriter writer(kept);
    for (storage::EntryReader entries(append.entries); !entries.at_end();) {
      const Result<storage::Entry> entry = entries.next();
      if (!entry.ok()) std::abort();
      const bool is_dropped = hash64(entry->payload) % 50 == 0;
      writer.u32(is_dropped ? 8 : static_cast<uint32_t>(entry->payload.size()));
      writer.u8(is_dropped ? static_cast<uint8_t>(node::LogEntryKind::Horizon) : entry->kind);
      if (is_dropped) {
        writer.u64(0);
      } else {
        writer.raw(entry->payload);
      }
    }
    append.entries = std::move(kept);
  }

  std::unique_ptr<StorageEngine> sound_;
  const Fault fault_;
  std::function<void(uint16_t, uint64_t)> durable_;
};

}  // namespace

Result<std::unique_ptr<StorageEngine>> StorageEngine::open(const Options& options,
                                                           uint64_t incarnation,
                                                           const Recover& recover) {
  const char* const name = std::getenv("TOPGUN_FAULT");
  if (name == nullptr) return Error::InvalidArgument;
  auto sound = open_engine(options, incarnation, recover, posix_environment());
  if (!sound.ok()) return sound.error();
  const std::string_view fault_name = name;
  if (fault_name != "dropped-record" && fault_name != "ack-before-write") return sound;
  const Fault fault = fault_name == "dropped-record" ? Fault::DroppedRecord : Fault::AckBeforeWrite;
  return std::unique_ptr<StorageEngine>(std::make_unique<FaultyEngine>(std::move(*sound), fault));
}

}  // namespace topgun::host
