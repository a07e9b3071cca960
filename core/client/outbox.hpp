#pragma once

#include <algorithm>
#include <deque>

#include "core/base/probe.hpp"
#include "core/crdt/record.hpp"

namespace topgun::client {

/// Local operations that have not reached the wanted ack level yet, as the batches they were
/// encoded in. Owns the bytes. Order is the order of issue, in which entries are stored, sent and
/// acknowledged as well: what is not yet stored or sent follows what is, so that a turn looks at
/// those alone, however much has gathered while nobody answered.
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

  /// The entries without a transaction are part of this one. O(those).
  void set_transaction(uint64_t transaction) {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (entry->transaction != 0) return;
      entry->transaction = transaction;
    }
  }

  /// Everything stored by transactions up to this one may be sent. O(entries that are new to it).
  void mark_stored(uint64_t transaction) {
    while (Entry* entry = first_unstored()) {
      if (entry->transaction == 0 || entry->transaction > transaction) return;
      entry->stored = true;
    }
  }

  /// The first entry that is not stored; null if there is none. Amortised O(1).
  Entry* first_unstored() {
    while (stored_ < entries_.size() && entries_[stored_].stored) ++stored_;
    return stored_ < entries_.size() ? &entries_[stored_] : nullptr;
  }

  /// The first entry that may be sent and was not; null if there is none. Amortised O(1).
  Entry* first_unsent() {
    while (sent_ < entries_.size() && entries_[sent_].sent) ++sent_;
    const bool may_be_sent = sent_ < entries_.size() && (entries_[sent_].stored || TG_MUTANT(28));
    return may_be_sent ? &entries_[sent_] : nullptr;
  }

  /// Operations that were sent before the first entry that was not, beyond `sequence`. O(entries
  /// that hold them).
  uint64_t sent_beyond(uint64_t sequence) {
    (void)first_unsent();
    uint64_t operations = 0;
    for (size_t i = sent_; i > 0 && entries_[i - 1].last_sequence > sequence; --i) {
      operations += entries_[i - 1].operations;
    }
    return operations;
  }

  /// Nothing counts as sent any more: after a reconnect, or when the node put writes off.
  void mark_unsent() {
    for (Entry& entry : entries_) entry.sent = false;
    sent_ = 0;
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
      stored_ -= std::min<size_t>(stored_, 1);
      sent_ -= std::min<size_t>(sent_, 1);
      any = true;
    }
    return any;
  }

  /// Takes all entries out.
  std::deque<Entry> take() {
    operations_ = 0;
    stored_ = 0;
    sent_ = 0;
    std::deque<Entry> taken;
    taken.swap(entries_);
    return taken;
  }

  std::deque<Entry>& entries() { return entries_; }
  const std::deque<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  /// Operations inside, counted by batch: a batch leaves when its last operation is acknowledged.
  uint64_t operations() const { return operations_; }

 private:
  std::deque<Entry> entries_;
  uint64_t operations_ = 0;
  size_t stored_ = 0;  ///< At least this many entries from the first are stored.
  size_t sent_ = 0;    ///< And sent.
};

}  // namespace topgun::client
