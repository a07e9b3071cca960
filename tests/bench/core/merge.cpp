#include "core/replica/record_table.hpp"
#include "tests/bench/core/bench.hpp"
#include "tests/bench/core/workload.hpp"

namespace topgun::bench {
namespace {

/// Decodes, validates and merges all batches, as a replica does that receives them.
void receive(RecordTable& table, const std::vector<Bytes>& batches, OperationBatch& batch) {
  for (const Bytes& bytes : batches) {
    if (!decode_operations(bytes, Values::Validate, batch).ok()) return;
    const auto key_at = [&](size_t i) { return batch.operations[i].key; };
    table.for_each_prefetched(batch.operations.size(), key_at, [&](size_t i, uint64_t key_hash) {
      for_each_record(batch.header.replica, batch.operations[i], [&](const Record& record) {
        const uint64_t placement = RecordTable::placement(table.kind(), key_hash, record.tag);
        table.merge_at(placement, record, [](const Record&) {});
      });
    });
  }
}

void report_merge(const Options& options, const char* name, const std::vector<double>& times,
                  const RecordTable& table) {
  report(name, "time", best(times) / static_cast<double>(options.records), "ns/record",
         table.root().mixed_sum);
}

void bench_insert(const Options& options, const char* name) {
  if (!options.wants(name)) return;
  const std::vector<Bytes> batches = lww_batches(options.records, 0);
  OperationBatch batch;
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    Slab slab;
    RecordTable table(MapKind::Lww, slab);
    times.push_back(time_ns([&] { receive(table, batches, batch); }));
    if (round + 1 == options.rounds) report_merge(options, name, times, table);
  }
}

void bench_overwrite(const Options& options, const char* name) {
  if (!options.wants(name)) return;
  Slab slab;
  RecordTable table(MapKind::Lww, slab);
  OperationBatch batch;
  receive(table, lww_batches(options.records, 0), batch);
  std::vector<double> times;
  for (uint64_t round = 1; round <= options.rounds; ++round) {
    const std::vector<Bytes> batches = lww_batches(options.records, round);
    times.push_back(time_ns([&] { receive(table, batches, batch); }));
  }
  report_merge(options, name, times, table);
}

void bench_repeat(const Options& options, const char* name) {
  if (!options.wants(name)) return;
  const std::vector<Bytes> batches = lww_batches(options.records, 0);
  Slab slab;
  RecordTable table(MapKind::Lww, slab);
  OperationBatch batch;
  receive(table, batches, batch);
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    times.push_back(time_ns([&] { receive(table, batches, batch); }));
  }
  report_merge(options, name, times, table);
}

}  // namespace

void bench_merge(const Options& options) {
  bench_insert(options, "merge of new keys");
  bench_overwrite(options, "merge over existing keys");
  bench_repeat(options, "merge of what is known already");
}

}  // namespace topgun::bench
