#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/sim/virtual_disk.hpp"
#include "core/storage/node_storage.hpp"

namespace topgun::host {

/// A node that writes numbered entries to the product's storage on a virtual disk, answers its
/// checkpoints, and remembers what it was promised. Entry `id` sets the key `u<id>`, which no other
/// entry touches, and the key `hot`, which all do. After every start what recovery handed over is
/// compared with what was promised; whatever is there then counts as promised from then on, since a
/// client that offers it again is told that it is durable.
class StorageModel {
 public:
  struct Options {
    sim::VirtualDisk::Options disk = {};
    uint64_t segment_bytes = 64u << 10;
    uint64_t checkpoint_interval_ms = 5'000;
    /// Of an entry, about.
    uint64_t entry_bytes = 100;
  };

  StorageModel() : StorageModel(Options{}) {}
  explicit StorageModel(const Options& options);
  ~StorageModel();

  sim::VirtualDisk& disk() { return disk_; }

  enum class Outcome : uint8_t {
    Serving,
    Refused,  ///< Storage did not open; nothing was promised wrongly.
    Broken,   ///< A promise was not kept; `problem` says which.
  };
  Outcome open();
  bool is_open() const { return storage_ != nullptr; }
  const std::string& problem() const { return problem_; }
  Error refusal() const { return refusal_; }
  /// After `Broken`: everything is there but the newest entry.
  bool is_only_the_last_entry_missing() const;
  /// What storage reported since the last `open`.
  const std::vector<std::string>& report() const { return report_; }

  /// Hands storage `count` entries.
  void append(uint64_t count);
  using Task = storage::SteppedStorage::Task;
  bool is_due(Task task) const { return is_open() && storage_->due_ms(task) <= now_ms_; }
  void step(Task task);
  /// Steps of the log task until it has nothing to do; bounded, for disks that refuse.
  void run_log();
  /// Lets the interval pass and carries the round through, recycling included.
  void run_checkpoint();
  /// Lets the interval pass; a round begins with the next steps.
  void let_interval_pass() { now_ms_ += options_.checkpoint_interval_ms; }
  /// Hands over the chunks that a round asked for.
  void answer_checkpoint();
  void advance(uint64_t ms) { now_ms_ += ms; }
  /// A clean stop.
  void close();
  /// The node dies; call one of the disk's restarts and `open` then.
  void die();

  uint64_t entries_promised() const { return promised_.size(); }
  bool is_log_stopped() const { return is_log_stopped_; }

 private:
  Result<void> recover(node::LogEntryKind kind, ByteView payload);
  bool is_complete();

  const Options options_;
  sim::VirtualDisk disk_;
  std::unique_ptr<storage::SteppedStorage> storage_;
  uint64_t now_ms_ = 1'000;
  uint64_t incarnation_ = 0;
  uint64_t random_draws_ = 0;
  std::string problem_;
  Error refusal_ = Error::Internal;
  std::vector<std::string> report_;

  uint64_t last_id_ = 0;
  std::set<uint64_t> promised_;
  std::set<uint64_t> state_;        // Ids that the node knows.
  std::set<uint64_t> unmoved_;      // Of these, what the next checkpoint has to take.
  uint64_t hot_ = 0;                // The id that the key `hot` holds.
  std::vector<uint64_t> appended_;  // Ids of this incarnation, by sequence.
  uint64_t durable_sequence_ = 0;
  bool is_checkpoint_wanted_ = false;
  bool is_log_stopped_ = false;
};

}  // namespace topgun::host
