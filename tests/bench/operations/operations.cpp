#include "tests/bench/operations/operations.hpp"

#include <algorithm>

#include "core/base/hash.hpp"
#include "core/sync/diff.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::bench {

namespace {

/// Operations in a batch, as clients send them.
constexpr uint32_t kBatchOperations = 256;
constexpr size_t kTextBytes = 64;
constexpr uint64_t kStartMs = 1'700'000'000'000;
constexpr uint64_t kSubscription = 1;

std::string text_of(uint32_t generation, uint32_t index) {
  std::string text = std::to_string(generation) + ":" + std::to_string(index) + ":";
  text.resize(kTextBytes, '.');
  return text;
}

uint32_t fnv1a(uint32_t hash, ByteView bytes) {
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 16777619u;
  return hash;
}

void append_u32(Bytes& out, size_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

void append_framed(Bytes& out, ByteView bytes) {
  append_u32(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Calls `visit(ByteView)` for each framed piece; stops at a broken one.
template <typename Visit>
void for_each_framed(ByteView bytes, Visit&& visit) {
  ByteReader in(bytes);
  while (!in.at_end()) {
    const ByteView piece = in.raw(in.u32());
    if (!in.ok()) return;
    visit(piece);
  }
}

std::vector<uint32_t> all_of(const OperationBatch& batch) {
  std::vector<uint32_t> indices(batch.operations.size());
  for (uint32_t i = 0; i < indices.size(); ++i) indices[i] = i;
  return indices;
}

/// Calls `flush(Bytes)` with batches of the operations that write records `first`, `first + step`
/// and so on.
template <typename Flush>
void build_writes(uint32_t records, uint32_t generation, uint32_t first, uint32_t step,
                  Flush&& flush) {
  OperationBatchBuilder builder;
  const uint64_t ms = kStartMs + generation;
  const uint64_t sequence_base = uint64_t{generation} * records + 1;
  uint32_t in_batch = 0;
  for (uint32_t i = first; i < records; i += step) {
    if (in_batch++ == 0) {
      builder.begin({MapKind::Lww, ReplicaId{42}, sequence_base, ms, as_bytes("map")});
    }
    const std::string key = "key:" + std::to_string(i);
    Bytes value;
    ValueWriter(value).text(text_of(generation, i));
    Operation operation;
    operation.sequence = sequence_base + i;
    operation.time = stamp_time(ms, static_cast<uint16_t>(i));
    operation.key = as_bytes(key);
    operation.payload = value;
    builder.add(operation);
    const bool last = records - i <= step;
    if (!last && in_batch < kBatchOperations) continue;
    flush(builder.finish());
    in_batch = 0;
  }
}

}  // namespace

void Operations::fill(uint32_t records) {
  records_ = records;
  for (auto& replica : replicas_) {
    replica = std::make_unique<Replica>();
    write(replica->map, 0, 0, 1);
  }
}

void Operations::write(node::OwnedMap& map, uint32_t generation, uint32_t first, uint32_t step) {
  build_writes(records_, generation, first, step, [&](const Bytes& bytes) { receive(map, bytes); });
}

bool Operations::receive(node::OwnedMap& map, ByteView bytes) {
  if (!decode_operations(bytes, Values::Validate, batch_).ok()) return false;
  node::apply_operations(map, batch_, all_of(batch_), 0);
  return true;
}

uint32_t Operations::make_update(uint32_t generation) {
  buffer_.clear();
  build_writes(records_, generation, 0, 1,
               [&](const Bytes& bytes) { append_framed(buffer_, bytes); });
  return static_cast<uint32_t>(buffer_.size());
}

uint32_t Operations::merge_update() {
  uint32_t changed = 0;
  for_each_framed(buffer_, [&](ByteView bytes) {
    if (!decode_operations(bytes, Values::Validate, batch_).ok()) return;
    const auto indices = node::apply_operations(replicas_[0]->map, batch_, all_of(batch_), 0);
    changed += static_cast<uint32_t>(indices.size());
  });
  return changed;
}

void Operations::diverge(uint32_t generation, uint32_t count) {
  const uint32_t step = 2 * std::max(records_ / std::max(count, 1u), 1u);
  write(replicas_[0]->map, generation, 0, step);
  write(replicas_[1]->map, generation, step / 2, step);
}

uint32_t Operations::reconcile() {
  size_t exchanged = 0;
  // As a node and its client do: a root at the end, and if it differs, once more.
  for (uint8_t slice = 0; slice < kDiffSlices; ++slice) {
    const size_t bytes = converse(slice);
    if (bytes == 0) return 0;
    exchanged += bytes + sizeof(MerkleRoot);
    if (replicas_[0]->map.table.root() == replicas_[1]->map.table.root()) break;
  }
  return static_cast<uint32_t>(exchanged);
}

size_t Operations::converse(uint8_t slice) {
  size_t exchanged = 0;
  const auto send_diff = [&](Bytes& frame, const DiffMessage& diff) {
    MessageWriter(frame).diff(diff);
  };
  Bytes frame;
  send_diff(frame, first_diff(kSubscription, slice, root_children(replicas_[0]->map.table)));
  // Answers go to and fro; the first message was of replica 0, so replica 1 answers.
  for (uint32_t turn = 1;; turn ^= 1) {
    exchanged += frame.size();
    node::OwnedMap& map = replicas_[turn]->map;
    DiffMessage received;
    FrameReader reader(frame);
    while (const auto message = reader.next()) {
      if (message->kind == static_cast<uint8_t>(MessageKind::Records)) {
        const auto records = decode_records_message(message->payload);
        RecordBatch batch;
        if (!records.ok() || !decode_records(records->batch, Values::Validate, batch).ok()) {
          return 0;
        }
        node::apply_records(map, batch.records, 0);
        continue;
      }
      auto diff = decode_diff(message->payload);
      if (!diff.ok()) return 0;
      received = std::move(*diff);
    }
    if (received.empty()) return exchanged;

    RecordBatchBuilder builder;
    const DiffMessage answer = answer_diff(map.table, received, [&](const Record& record) {
      if (builder.count() == 0) builder.begin(MapKind::Lww, as_bytes("map"));
      builder.add(record);
    });
    frame.clear();
    if (builder.count() > 0) {
      const Bytes records = builder.finish();
      MessageWriter(frame).records({kSubscription, records});
    }
    send_diff(frame, answer);
  }
}

uint32_t Operations::digest(uint32_t replica) const {
  uint32_t sum = 0;
  replicas_[replica]->map.table.visit_all([&](uint64_t, uint64_t, const Record& record) {
    const auto text = ValueView(record.value).as_text();
    if (!text) return;
    sum += fnv1a(fnv1a(2166136261u, record.key), as_bytes(*text));
  });
  return sum;
}

uint32_t Operations::hash() const { return static_cast<uint32_t>(hash64(buffer_)); }

uint32_t Operations::make_records() {
  output_.clear();
  RecordBatchBuilder builder;
  uint32_t count = 0;
  uint32_t in_batch = 0;
  for_each_framed(buffer_, [&](ByteView value) {
    if (in_batch++ == 0) builder.begin(MapKind::Lww, as_bytes("map"));
    const std::string key = "key:" + std::to_string(count++);
    Record record;
    record.key = as_bytes(key);
    record.stamp = {stamp_time(kStartMs, 0), ReplicaId{42}};
    record.value = value;
    builder.add(record);
    if (in_batch < kBatchRecordsMax) return;
    append_framed(output_, builder.finish());
    in_batch = 0;
  });
  if (in_batch > 0) append_framed(output_, builder.finish());
  std::swap(buffer_, output_);
  return count;
}

uint32_t Operations::reencode() {
  output_.clear();
  RecordBatch batch;
  RecordBatchBuilder builder;
  uint32_t count = 0;
  for_each_framed(buffer_, [&](ByteView bytes) {
    if (!decode_records(bytes, Values::Validate, batch).ok() || batch.records.empty()) return;
    builder.begin(batch.kind, batch.map);
    for (const Record& record : batch.records) builder.add(record);
    count += static_cast<uint32_t>(batch.records.size());
    append_framed(output_, builder.finish());
  });
  std::swap(buffer_, output_);
  return count;
}

uint32_t Operations::canonicalize() {
  uint32_t valid = 0;
  output_.clear();
  for_each_framed(buffer_, [&](ByteView bytes) {
    const Result<Bytes> canonical = canonicalize_value(bytes);
    if (!canonical.ok()) return;
    append_framed(output_, *canonical);
    ++valid;
  });
  std::swap(buffer_, output_);
  return valid;
}

}  // namespace topgun::bench
