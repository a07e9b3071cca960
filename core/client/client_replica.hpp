#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/base/prng.hpp"
#include "core/client/client_map.hpp"
#include "core/client/event_queue.hpp"
#include "core/client/outbox.hpp"
#include "core/client/store.hpp"
#include "core/client/tab_cursors.hpp"
#include "core/clock/now.hpp"
#include "core/replica/expiry_schedule.hpp"
#include "core/sync/batch.hpp"
#include "core/sync/messages.hpp"

namespace topgun::client {

/// The data of a client: maps, clock, outbox and their stored form. Knows nothing of connections.
/// Every method leaves the replica as it was when it returns an error.
///
/// Writes of one turn are gathered into batches and stored in one transaction by `end_turn`.
class ClientReplica {
 public:
  /// Operations that may wait in the outbox unless the host says otherwise.
  static constexpr uint64_t kOutboxOperationsMax = 1'000'000;
  static constexpr uint64_t kClockDriftMaxMs = 60'000;
  /// Sequences skipped at least at each start, and so the operations that may be sent without
  /// having been stored: a restart can then never issue one sequence twice.
  static constexpr uint64_t kSequenceReserve = 65'536;
  /// A random number below this is skipped as well, so that the runs of two copies of one replica
  /// do not issue the same sequences.
  static constexpr uint64_t kSequenceScatter = uint64_t{1} << 32;

  explicit ClientReplica(EventQueue& events) : events_(events) {}

  /// Who made a write: the host, which applied it to its mirror before, or another tab through it.
  enum class Writer : uint8_t { Host, Tab };

  struct Options {
    ReplicaId replica;
    /// For ids and scattered sequences; seeded with what no other start has.
    Prng draws = Prng(0, {});
    uint64_t outbox_operations_max = kOutboxOperationsMax;
    /// Without storage nothing is persisted, and operations may be sent at once.
    bool has_storage = true;
    /// The storage takes a transaction when it is handed one, and never refuses it: what is handed
    /// out is stored, as far as the engine can tell.
    bool stores_at_once = false;
  };

  // --- life ---

  void open(const Options& options);
  void load_row(std::string key, Bytes row) { store_.load(std::move(key), std::move(row)); }
  /// Builds the state from the rows. True if the replica id came from them.
  bool start();
  bool started() const { return started_; }

  // --- maps ---

  /// Opens the map under `handle` and reports its entries. `TypeMismatch` if the name is open as
  /// another kind, `InvalidArgument` if the handle is in use for another map.
  Result<ClientMap*> open_map(uint64_t handle, MapKind kind, ByteView name, Now now);
  ClientMap* map_of(uint64_t handle);
  ClientMap* find_map(MapKind kind, ByteView name);
  void for_each_map(const std::function<void(ClientMap&)>& visit);

  // --- local writes ---

  Result<void> set(ClientMap& map, ByteView key, uint64_t ttl_ms, ByteView value, Now now);
  Result<void> remove(ClientMap& map, ByteView key, Now now);
  Result<TagBytes> or_add(ClientMap& map, ByteView key, uint64_t ttl_ms, ByteView value, Now now);
  /// Removes every element with this value; returns how many.
  Result<uint64_t> or_remove(ClientMap& map, ByteView key, ByteView value, Now now);
  Result<void> counter_add(ClientMap& map, ByteView key, int64_t amount, Now now);

  /// Puts, or forgets without a value, what another replica holds, as no operation of ours: for a
  /// replica that has no storage and speaks to no node. `NotReady` for any other.
  Result<void> mirror(ClientMap& map, ByteView key, std::optional<ByteView> value, Now now);

  /// Says on whose behalf the writes that follow are made. Those of other tabs are reported like
  /// changes from the node, since the host's mirror does not have them yet.
  void write_for(Writer writer) { writer_ = writer; }
  /// How far the commands of other tabs were executed; stored together with their effect.
  TabCursors& tabs() { return tabs_; }

  /// Encodes what was written so far into the outbox.
  void close_batch();
  /// Stores what the turn changed. Nothing happens if nothing changed.
  void end_turn();

  // --- time ---

  /// How far the node's clock is ahead of the host's, as far as that counts. Times that are
  /// reported to the host are by the host's own clock; all others here are corrected by this.
  void set_clock_offset(int64_t ms) { clock_offset_ms_ = ms; }
  int64_t clock_offset_ms() const { return clock_offset_ms_; }

  /// Records that expire in one turn; the others wait for the next, so that no turn takes long.
  static constexpr size_t kExpiriesMax = 4096;
  /// Reports the entries and elements of open maps that have expired by now.
  void expire(Now now);
  /// Whether the host has been told of the record of an open map and not that it expired. What did
  /// stays hidden if the clock is set back, until it is written or its map is opened again.
  bool is_shown(const ClientMap& map, const Record& record) const;
  /// When `expire` is wanted next, in corrected wall time; nothing if no open map has anything that
  /// expires.
  std::optional<uint64_t> next_expiry_ms() const { return expiries_.next_ms(); }

  // --- what the node says ---

  /// Another replica's operations. Returns the map, or nothing if we do not have it.
  Result<ClientMap*> merge_operations(ByteView batch, Now now);
  Result<ClientMap*> merge_records(ByteView batch, Now now);
  /// Drops acknowledged operations from the outbox.
  void acknowledge(uint64_t sequence);
  /// Takes back operations that the node refused, or issues them anew if they were merely too old.
  void reject(uint64_t sequence, uint64_t count, Error error, ByteView detail, Now now);
  /// Another copy of this replica goes on under its id: takes a new one. What was issued up to
  /// `common_sequence` is in the other copy's outbox as well and left to it. What was issued later
  /// moves, with sequences and stamps, to an id made from the old one and the run that issued it,
  /// so that copies of this copy do the same; of counters only the steps move. Stored in one
  /// transaction. O(outbox).
  void replace(uint64_t common_sequence, Now now);
  /// Takes back what `replace` left as records alone and the node, offered them, does not take,
  /// since by its time `node_ms` they come from the future; reports them as refused. True if there
  /// were any. O(what was left).
  bool forget_untaken(ClientMap& map, uint64_t node_ms, Now now);
  /// The node has all that the map holds.
  void note_all_taken(const ClientMap& map);
  /// Stores that this run exists, if that is not stored yet.
  void store_run() { meta_changed_ = meta_changed_ || !runs_.current_stored; }

  /// Empties the map and issues its unsent writes anew.
  void resync(ClientMap& map, Now now);
  void collect(uint64_t horizon_ms);
  /// The host stored a transaction, or could not. After a failure nothing is stored until
  /// `retry_storage`; operations are sent all the same, as far as `kSequenceReserve` reaches.
  void persisted(uint64_t transaction, std::optional<Error> error);
  bool storage_failed() const { return storage_failed_; }
  /// Stores everything anew after a failure. True if there was one.
  bool retry_storage();

  /// Rows (blob key, blob row) of the maps alone, from which other replicas may start. `NotReady`
  /// while operations wait for the node: they belong to this replica.
  Result<void> export_state(ByteWriter& out);

  // --- for the link ---

  ReplicaId replica() const { return options_.replica; }
  uint64_t last_sequence() const { return last_sequence_; }
  /// What Hello says of this replica's runs.
  RunHistory history() const;
  Outbox& outbox() { return outbox_; }
  /// Time of the oldest operation in the outbox; beyond all if there is none. Records of ours from
  /// then on may stand for operations that the node has not decided on. O(the first batch).
  uint64_t undecided_from();

 private:
  struct Issued {
    OperationKind kind;
    uint64_t ttl_ms;
    Bytes key;
    Bytes payload;
  };

  // client_replica.cpp
  Result<void> check_writable(const ClientMap& map, MapKind kind, ByteView key) const;
  void issue(ClientMap& map, Operation operation, Now now);
  void add_to_batch(ClientMap& map, const Operation& operation);
  /// Merges into the table and keeps the schedule of expiries in step. True if the state changed.
  bool merge(ClientMap& map, const Record& record, Now now);
  /// Removes a record as if it had never been. `current` borrows from the table, `key` must not.
  void forget(ClientMap& map, const Record& current, ByteView key, Now now);
  void schedule_expiry(const ClientMap& map, const Record& record, Now now);
  void report_key(ClientMap& map, const Record& record, Now now);
  void report_written(ClientMap& map, const Record& record, Now now);
  void push_state(const ClientMap& map, const Record& record, Event entry_event, Now now);
  void report_map(ClientMap& map, Now now);
  int64_t counter_value(const ClientMap& map, ByteView key) const;
  void note_base(ClientMap& map, ByteView key);
  CounterTotals own_totals(const ClientMap& map, ByteView key) const;
  ClientMap& map_for(MapKind kind, ByteView name);

  // client_replica_remote.cpp
  void observe(Stamp stamp, Now now);
  void merge_and_report(ClientMap& map, const Record& record, Now now);
  void advance_counter_bases(const Outbox::Entry& acknowledged);
  /// Whether anything that the operation did still stands.
  bool is_current(ClientMap& map, const Operation& operation);
  void forget_stored(ClientMap& map, const Record& current, const Record& gone, Now now);
  void forget_effect(ClientMap& map, const Operation& operation, Now now);
  void issue_anew(ClientMap& map, const std::vector<Issued>& operations, Now now);
  static std::vector<Bytes> keys_of(const ClientMap& map);
  std::vector<Bytes> own_counts(const ClientMap& map) const;
  void keep_own_counts(ClientMap& map, const std::vector<Bytes>& batches, Now now);
  bool drop_refused(Outbox::Entry& entry, uint64_t first, uint64_t last);
  void restore_count(ClientMap& map, const Operation& refused, Now now);

  // client_replica_replace.cpp
  struct Moved;
  /// A record of an operation that left the outbox without the node having decided on it.
  struct Left {
    ClientMap* map = nullptr;
    Bytes key;
    Bytes tag;
    Stamp stamp;
  };
  void leave(ClientMap& map, ReplicaId author, const Operation& operation);
  ReplicaId new_author(uint64_t sequence) const;
  std::vector<Moved> take_moved(uint64_t common_sequence);
  void undo(const Moved& moved, Now now);
  void rename_tags(Moved& moved, uint64_t common_sequence) const;
  void split_steps(std::vector<Moved>& moved);
  void move(const Moved& moved, Now now);

  // client_replica_storage.cpp
  void begin_run(bool is_known, bool is_whole);
  bool load_runs(ByteReader& in);
  bool load_counter_base(ByteReader& in);
  void prune_counter_bases();
  void load_rows(const Store::Loaded& loaded, std::vector<Outbox::Entry>& own);
  void load_sections(ByteView row, std::vector<Outbox::Entry>& own);
  bool load_section(Section section, ByteView payload, std::vector<Outbox::Entry>& own);
  bool load_operations(ByteView payload, std::vector<Outbox::Entry>* own);
  bool load_position(ByteView payload);
  void put_position(const ClientMap& map);
  void put_tab(const TabCursors::Cursor& cursor);
  void put_runs(RowWriter& row);
  static void put_counter_base(RowWriter& row, const ClientMap& map, ByteView key,
                               const CounterBase& base);
  void store_turn();
  void end_turn_without_storage();
  enum class Conflate : uint8_t { Everything, AllButCounters };
  void conflate_outbox(Conflate what);
  void put_map(RowWriter& page, std::vector<Bytes>& pages, const ClientMap& map);
  void write_snapshot();
  Meta meta() const;

  EventQueue& events_;
  Options options_;
  bool opened_ = false;
  bool started_ = false;
  std::optional<HybridLogicalClock> clock_;
  uint64_t last_sequence_ = 0;
  uint64_t acknowledged_ = 0;

  Slab slab_;  // Before the maps, whose records live in it.
  std::vector<std::unique_ptr<ClientMap>> maps_;
  std::map<uint64_t, ClientMap*> by_handle_;
  std::map<std::pair<MapKind, std::string>, ClientMap*, std::less<>> by_name_;

  ExpirySchedule expiries_;  ///< Of open maps, by their handles.
  int64_t clock_offset_ms_ = 0;
  TabCursors tabs_;
  Writer writer_ = Writer::Host;

  Outbox outbox_;
  OperationBatchBuilder builder_;
  ClientMap* building_ = nullptr;  ///< The map of the open batch.
  uint64_t building_first_ = 0;
  uint64_t building_last_ = 0;

  std::vector<Left> left_;  ///< By `replace`, in this life of the process.

  RunHistory runs_;
  uint64_t runs_transaction_ = 0;  ///< That stores the present run; 0 = none yet.

  Store store_;
  RowWriter row_;
  bool meta_changed_ = false;
  bool storage_failed_ = false;
  /// Operations sent without having been stored; counted until a snapshot that holds them is
  /// stored, over however many failures that takes.
  uint64_t unstored_operations_ = 0;
  /// A restart skips `kSequenceReserve` sequences from what is stored. So operations may go
  /// unstored only if something was stored since this start: else the next one would skip to where
  /// this one did. A replica that is new loses its id together with its operations.
  bool may_send_unstored_ = false;
  uint64_t snapshot_transaction_ = 0;  ///< Of the latest snapshot handed to the host.
  uint64_t conflated_operations_ = 0;
  uint64_t stored_at_once_ = 0;  ///< The last transaction, if the storage takes each at once.

  OperationBatch operations_;  // Reused.
  RecordBatch records_;
};

}  // namespace topgun::client
