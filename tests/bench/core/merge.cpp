#include "core/replica/record_table.hpp"
#include "tests/bench/core/bench.hpp"
#include "tests/bench/core/workload.hpp"

namespace topgun::bench {
namespace {

/// Decodes, validates and merges all batches, as a replica does that receives them.
void receive(RecordTable& table, const std::vector<Bytes>& batches, OperationBatch& batch) {
  for (const Bytes& bytes : batches) {
    if (!decode_operations(bytes, Values::Validate, batch).ok()) return;
    for (const Operation& operation : batch.operations) {
      for_each_record(batch.header.replica, operation,
                      [&](const Record& record) { table.merge(record); });
    }
  }
}

void report_merge(const Options& options, const char* name, const std::vector<double>& times,
                  const RecordTable& table) {
  report(name, "time", median(times) / static_cast<double>(options.records), "ns/record",
         table.root().mixed_sum);
}

void bench_insert(const Options& options) {
  const std::vector<Bytes> batches = lww_batches(options.records, 0);
  OperationBatch batch;
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    Slab slab;
    RecordTable table(MapKind::Lww, slab);
    times.push_back(time_ns([&] { receive(table, batches, batch); }));
    if (round + 1 == options.rounds) report_merge(options, "merge of new keys", times, table);
  }
}

void bench_overwrite(const Options& options) {
  Slab slab;
  RecordTable table(MapKind::Lww, slab);
  OperationBatch batch;
  receive(table, lww_batches(options.records, 0), batch);
  std::vector<double> times;
  for (uint64_t round = 1; round <= options.rounds; ++round) {
    const std::vector<Bytes> batches = lww_batches(options.records, round);
    times.push_back(time_ns([&] { receive(table, batches, batch); }));
  }
  report_merge(options, "merge over existing keys", times, table);
}

void bench_repeat(const Options& options) {
  const std::vector<Bytes> batches = lww_batches(options.records, 0);
  Slab slab;
  RecordTable table(MapKind::Lww, slab);
  OperationBatch batch;
  receive(table, batches, batch);
  std::vector<double> times;
  for (uint64_t round = 0; round < options.rounds; ++round) {
    times.push_back(time_ns([&] { receive(table, batches, batch); }));
  }
  report_merge(options, "merge of what is known already", times, table);
}

}  // namespace

void bench_merge(const Options& options) {
  bench_insert(options);
  bench_overwrite(options);
  bench_repeat(options);
}

}  // namespace topgun::bench
