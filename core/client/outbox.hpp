#pragma once

#include <deque>

#include "core/crdt/record.hpp"

namespace topgun::client {

/// Local operations that have not reached the wanted ack level yet, as the batches they were
/// encoded in. Owns the bytes. Order is the order of issue.
class Outbox {
 public:
  struct Entry {
    uint64_t first_sequence = 0;
    uint64_t last_sequence = 0;
    uint32_t operations = 0;
    MapKind kind = MapKind::Lww;
    /// The storage transaction that holds the batch (0: none yet); it is sent once that was
    /// reported done.
    uint64_t transaction = 0;
    bool stored = false;
    bool sent = false;
    Bytes batch;
  };

  void add(Entry entry) {
    operations_ += entry.operations;
    entries_.push_back(std::move(entry));
  }

  /// Everything stored by transactions up to this one may be sent.
  void mark_stored(uint64_t transaction) {
    for (Entry& entry : entries_) {
      const bool covered = entry.transaction != 0 && entry.transaction <= transaction;
      entry.stored = entry.stored || covered;
    }
  }

  /// Nothing counts as sent any more: after a reconnect, or when the node put writes off.
  void mark_unsent() {
    for (Entry& entry : entries_) entry.sent = false;
  }

  /// Drops what is acknowledged up to `sequence`, after a call of `before(const Entry&)`. True if
  /// anything was.
  template <typename Before>
  bool acknowledge(uint64_t sequence, Before&& before) {
    bool any = false;
    while (!entries_.empty() && entries_.front().last_sequence <= sequence) {
      before(entries_.front());
      operations_ -= entries_.front().operations;
      entries_.pop_front();
      any = true;
    }
    return any;
  }

  /// Takes all entries out.
  std::deque<Entry> take() {
    operations_ = 0;
    return std::move(entries_);
  }

  std::deque<Entry>& entries() { return entries_; }
  const std::deque<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  /// Operations inside, counted by batch: a batch leaves when its last operation is acknowledged.
  uint64_t operations() const { return operations_; }

 private:
  std::deque<Entry> entries_;
  uint64_t operations_ = 0;
};

}  // namespace topgun::client
