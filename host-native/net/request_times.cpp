#include "host-native/net/request_times.hpp"

#include <algorithm>
#include <cstdio>

#include "host-native/net/http_sync.hpp"

namespace topgun::host {

namespace {

constexpr std::string_view kKindNames[kRequestKinds] = {"sync", "stream", "other"};

/// Microseconds as seconds, without a trailing zero: "0.00025", "30".
std::string seconds(uint64_t us) {
  char text[32];
  std::snprintf(text, sizeof(text), "%llu.%06llu", static_cast<unsigned long long>(us / 1'000'000),
                static_cast<unsigned long long>(us % 1'000'000));
  std::string trimmed = text;
  trimmed.erase(trimmed.find_last_not_of('0') + 1);
  if (trimmed.back() == '.') trimmed.pop_back();
  return trimmed;
}

}  // namespace

RequestKind request_kind_of(std::string_view path) {
  if (!is_sync_path(path)) return RequestKind::Other;
  return path.ends_with("/events") ? RequestKind::Stream : RequestKind::Sync;
}

void RequestTimes::record(RequestKind kind, uint64_t took_us) {
  const auto* const end = std::lower_bound(std::begin(kEndsUs), std::end(kEndsUs), took_us);
  Histogram& histogram = histograms_[static_cast<size_t>(kind)];
  const auto bucket = static_cast<size_t>(end - std::begin(kEndsUs));
  histogram.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  histogram.sum_us.fetch_add(took_us, std::memory_order_relaxed);
}

uint64_t RequestTimes::count(RequestKind kind, size_t bucket) const {
  return histograms_[static_cast<size_t>(kind)].buckets[bucket].load(std::memory_order_relaxed);
}

uint64_t RequestTimes::sum_us(RequestKind kind) const {
  return histograms_[static_cast<size_t>(kind)].sum_us.load(std::memory_order_relaxed);
}

void append_request_times(std::string& out, const std::vector<const RequestTimes*>& shards) {
  const std::string name = "topgun_http_request_seconds";
  out += "# HELP " + name + " From the first byte of a request to the last of its answer.\n";
  out += "# TYPE " + name + " histogram\n";
  for (size_t shard = 0; shard < shards.size(); ++shard) {
    for (size_t k = 0; k < kRequestKinds; ++k) {
      const auto kind = static_cast<RequestKind>(k);
      const std::string labels =
          "shard=\"" + std::to_string(shard) + "\",kind=\"" + std::string(kKindNames[k]) + "\"";
      uint64_t so_far = 0;
      for (size_t bucket = 0; bucket < RequestTimes::kBuckets; ++bucket) {
        so_far += shards[shard]->count(kind, bucket);
        const bool is_last = bucket + 1 == RequestTimes::kBuckets;
        const std::string end = is_last ? "+Inf" : seconds(RequestTimes::kEndsUs[bucket]);
        out += name + "_bucket{" + labels + ",le=\"" + end + "\"} " + std::to_string(so_far) + "\n";
      }
      out += name + "_sum{" + labels + "} " + seconds(shards[shard]->sum_us(kind)) + "\n";
      out += name + "_count{" + labels + "} " + std::to_string(so_far) + "\n";
    }
  }
}

}  // namespace topgun::host
