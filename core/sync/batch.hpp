#pragma once

#include <vector>

#include "core/crdt/operation.hpp"

namespace topgun {

inline constexpr size_t kBatchOperationsMax = 4096;
inline constexpr size_t kBatchRecordsMax = 4096;

/// What all operations of a batch share. Borrows the map's name.
struct OperationBatchHeader {
  MapKind kind = MapKind::Lww;
  ReplicaId replica;
  uint64_t sequence_base = 0;
  uint64_t time_base_ms = 0;
  ByteView map;
};

/// A decoded operation batch (docs/protocol.md). Borrows the bytes it was decoded from. Meant to be
/// reused, so that a hot path allocates nothing.
struct OperationBatch {
  OperationBatchHeader header;
  std::vector<Operation> operations;
  /// The encoded form of each operation, for building a batch of some of them.
  std::vector<ByteView> encoded;
};

/// Whether MessagePack values inside are validated. Bytes that this process itself stored under a
/// checksum need no second look.
enum class Values : uint8_t { Validate, Trust };

/// Decodes and checks a whole batch: framing, sizes, UTF-8 of keys and name, payload shapes, and
/// that each operation fits the map's kind. On error the content of `batch` is unspecified.
Result<void> decode_operations(ByteView bytes, Values values, OperationBatch& batch);

/// Builds operation batches. One builder may build many.
class OperationBatchBuilder {
 public:
  /// Starts a batch. `header.map` is copied.
  void begin(const OperationBatchHeader& header);

  /// Appends an operation, which must have passed `check_operation` and must not lie before the
  /// bases.
  void add(const Operation& operation);

  /// Appends an operation in the encoded form it has in a batch with this same header.
  void add_encoded(ByteView encoded);

  size_t count() const { return count_; }
  /// Bytes of the operations so far.
  size_t size() const { return body_.size(); }

  /// Ends the batch and returns its bytes. At least one operation was added.
  Bytes finish();

 private:
  Bytes head_;
  Bytes body_;
  OperationBatchHeader header_;
  size_t count_ = 0;
};

/// A decoded record batch. Borrows the bytes it was decoded from.
struct RecordBatch {
  MapKind kind = MapKind::Lww;
  ByteView map;
  std::vector<Record> records;
};

/// Decodes and checks a whole record batch. On error the content of `batch` is unspecified.
Result<void> decode_records(ByteView bytes, Values values, RecordBatch& batch);

/// Builds record batches. One builder may build many.
class RecordBatchBuilder {
 public:
  void begin(MapKind kind, ByteView map);
  /// `record` must have passed `check_record`.
  void add(const Record& record);
  size_t count() const { return count_; }
  size_t size() const { return body_.size(); }
  Bytes finish();

 private:
  Bytes head_;
  Bytes body_;
  Bytes scratch_;
  size_t count_ = 0;
};

}  // namespace topgun
