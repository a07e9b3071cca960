#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/byte_io.hpp"
#include "core/client/event_queue.hpp"
#include "core/crdt/record.hpp"

namespace topgun::client {

/// What a client replica keeps on storage: a journal of rows, and from time to time a snapshot that
/// replaces them. A row is a key and opaque bytes; rows written together are one transaction of the
/// host. Nothing scales with the number of records but snapshots, which are written when the
/// journal has outgrown the last one, so that a write costs O(1) bytes amortised.
///
/// ```
/// keys:  m                     the manifest: generation and number of pages of the snapshot
///        s<generation>-<page>  a page of the snapshot
///        j<number>             a row of the journal
/// row := u64 XXH3 of the rest, u8 format, section*
/// section := u8 kind, varint size, payload
/// ```
enum class Section : uint8_t {
  OwnOperations = 1,     ///< An operation batch of this replica: state and outbox.
  RemoteOperations = 2,  ///< An operation batch of another replica: state.
  Records = 3,           ///< A record batch: state.
  Meta = 4,              ///< Replica, clock, sequences.
  Position = 5,          ///< Where a map stands with the node.
  Forget = 6,            ///< A record whose write was refused.
  Clear = 7,             ///< A map that was dropped for a resync.
  Tab = 8,               ///< How far the commands of a tab were executed.
  Runs = 9,              ///< The run history; its last run is going on.
  CounterBase = 10,      ///< Where the steps of a counter in the outbox start from.
  Refused = 11,          ///< Own operations that the node refused: they left the outbox.
};

inline constexpr uint8_t kSectionMax = 11;

struct Meta {
  ReplicaId replica;
  uint64_t clock = 0;
  uint64_t last_sequence = 0;
  uint64_t acknowledged = 0;  ///< Operations up to here have left the outbox.
};

/// Writes sections of one row.
class RowWriter {
 public:
  RowWriter() { clear(); }
  template <typename Fill>
  void section(Section kind, Fill&& fill) {
    scratch_.clear();
    ByteWriter payload(scratch_);
    fill(payload);
    ByteWriter out(bytes_);
    out.u8(static_cast<uint8_t>(kind));
    out.blob(scratch_);
    empty_ = false;
  }
  void bytes_section(Section kind, ByteView payload) {
    ByteWriter out(bytes_);
    out.u8(static_cast<uint8_t>(kind));
    out.blob(payload);
    empty_ = false;
  }
  void meta(const Meta& meta);
  bool empty() const { return empty_; }
  size_t size() const { return bytes_.size(); }
  /// The finished row; the writer starts the next one.
  Bytes finish();

 private:
  void clear();
  Bytes bytes_;
  Bytes scratch_;
  bool empty_ = true;
};

/// Numbers, collects and orders rows; knows nothing of what is in them.
class Store {
 public:
  /// Bytes of journal that are always tolerated before a snapshot.
  static constexpr size_t kJournalBytesMin = 64 * 1024;
  /// Bytes of a snapshot page.
  static constexpr size_t kPageBytes = 64 * 1024;

  /// Takes a row that the host had stored. Order does not matter.
  void load(std::string key, Bytes row) { loaded_[std::move(key)] = std::move(row); }

  struct Loaded {
    std::vector<Bytes> rows;  ///< Snapshot pages, then the journal, in order; intact ones only.
    size_t rows_before_damage = 0;  ///< All of them if none is damaged.
    uint32_t damaged = 0;  ///< Rows or pages that are missing or do not match their checksum.
  };
  /// Orders what was loaded. Call once, before the first append.
  Loaded take_loaded();

  /// One transaction that appends `row` to the journal; returns its number.
  uint64_t append(Bytes row, EventQueue& events);

  bool wants_snapshot() const {
    return journal_bytes_ > std::max(kJournalBytesMin, snapshot_bytes_);
  }

  /// One transaction that replaces everything by `pages`. Until it is reported done, the next one
  /// deletes again what this one was to delete.
  uint64_t replace(std::vector<Bytes> pages, EventQueue& events);

  /// Number of the newest transaction; 0 = none yet.
  uint64_t last_transaction() const { return last_transaction_; }

  /// The host stored a transaction, or failed to.
  void persisted(uint64_t transaction, bool done);

  /// Key of a row of the journal.
  static std::string journal_key(uint64_t number);

 private:
  static std::string page_key(uint64_t generation, uint64_t page);

  std::map<std::string, Bytes> loaded_;
  uint64_t last_transaction_ = 0;
  uint64_t next_journal_ = 1;
  uint64_t generation_ = 0;
  size_t journal_bytes_ = 0;
  size_t snapshot_bytes_ = 0;
  std::vector<std::string> live_keys_;
  uint64_t snapshot_transaction_ = 0;
  std::vector<std::string> replaced_keys_;  ///< By that transaction, while nobody knows its end.
};

/// Calls `visit(Section, ByteView payload)` for each section of an intact row; false if a section's
/// framing is broken or its kind unknown.
template <typename Visit>
bool visit_sections(ByteView row, Visit&& visit) {
  ByteReader in(row);
  in.u64();
  in.u8();
  while (in.ok() && !in.at_end()) {
    const uint8_t kind = in.u8();
    const ByteView payload = in.blob(row.size());
    if (!in.ok() || kind < 1 || kind > kSectionMax) return false;
    if (!visit(static_cast<Section>(kind), payload)) return false;
  }
  return in.ok();
}

}  // namespace topgun::client
