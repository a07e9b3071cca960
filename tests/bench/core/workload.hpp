#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/sync/batch.hpp"

namespace topgun::bench {

inline constexpr size_t kOperationsInBatch = 256;
inline constexpr size_t kValueBytes = 64;

/// `records` LWW sets of the keys "key:<i>" with values of 64 bytes, as another replica would send
/// them: batches of 256 operations. `generation` is part of stamps and values.
inline std::vector<Bytes> lww_batches(uint64_t records, uint64_t generation) {
  std::vector<Bytes> batches;
  OperationBatchBuilder builder;
  const uint64_t ms = 1'700'000'000'000 + generation;
  const uint64_t sequence_base = generation * records + 1;
  std::string value(kValueBytes, 'v');
  value[0] = static_cast<char>(0x92);  // An array of two texts.
  value[1] = static_cast<char>(0xa0 + 30);
  value[32] = static_cast<char>(0xd9);
  value[33] = static_cast<char>(kValueBytes - 34);
  for (uint64_t i = 0; i < records; ++i) {
    if (i % kOperationsInBatch == 0) {
      if (i > 0) batches.push_back(builder.finish());
      builder.begin({MapKind::Lww, ReplicaId{42}, sequence_base, ms, as_bytes("map")});
    }
    const std::string key = "key:" + std::to_string(i);
    value[40] = static_cast<char>('a' + generation % 26);
    Operation operation;
    operation.sequence = sequence_base + i;
    operation.time = stamp_time(ms, static_cast<uint16_t>(i));
    operation.key = as_bytes(key);
    operation.payload = as_bytes(value);
    builder.add(operation);
  }
  batches.push_back(builder.finish());
  return batches;
}

/// The shortest of the times: what disturbs a run on a shared machine only ever adds.
inline double best(const std::vector<double>& times) {
  return *std::min_element(times.begin(), times.end());
}

}  // namespace topgun::bench
