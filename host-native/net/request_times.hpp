#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::host {

/// What a request is for, as far as its time is concerned: a long poll that waits is no slow page.
enum class RequestKind : uint8_t { Sync, Stream, Other };
inline constexpr size_t kRequestKinds = 3;

RequestKind request_kind_of(std::string_view path);

/// How long requests of one shard took, from their first byte to the last of the answer, by kind:
/// the counts of a histogram. Written by the shard's thread and read by any; each count is exact,
/// counts of one reading may be a request apart.
class RequestTimes {
 public:
  /// Upper ends of the buckets in microseconds, inclusive; above the last there is one more.
  static constexpr uint64_t kEndsUs[] = {250,     1'000,     5'000,     25'000,
                                         100'000, 1'000'000, 5'000'000, 30'000'000};
  static constexpr size_t kBuckets = std::size(kEndsUs) + 1;

  /// Owner only.
  void record(RequestKind kind, uint64_t took_us);

  uint64_t count(RequestKind kind, size_t bucket) const;
  uint64_t sum_us(RequestKind kind) const;

 private:
  struct Histogram {
    std::atomic<uint64_t> buckets[kBuckets] = {};
    std::atomic<uint64_t> sum_us{0};
  };
  Histogram histograms_[kRequestKinds];
};

/// Appends the histograms of all shards as `topgun_http_request_seconds`, in the text form of
/// Prometheus.
void append_request_times(std::string& out, const std::vector<const RequestTimes*>& shards);

}  // namespace topgun::host
