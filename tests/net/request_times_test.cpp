#include "host-native/net/request_times.hpp"

#include <doctest/doctest.h>

namespace topgun::host {
namespace {

TEST_CASE("request times: requests are told apart by what they are for") {
  CHECK(request_kind_of("/sync") == RequestKind::Sync);
  CHECK(request_kind_of("/sync/events") == RequestKind::Stream);
  CHECK(request_kind_of("/metrics") == RequestKind::Other);
  CHECK(request_kind_of("/") == RequestKind::Other);
}

TEST_CASE("request times: a bucket includes its end, and the last one everything above") {
  RequestTimes times;
  times.record(RequestKind::Sync, 0);
  times.record(RequestKind::Sync, 250);
  times.record(RequestKind::Sync, 251);
  times.record(RequestKind::Sync, 30'000'001);
  times.record(RequestKind::Other, 1);
  CHECK(times.count(RequestKind::Sync, 0) == 2);
  CHECK(times.count(RequestKind::Sync, 1) == 1);
  CHECK(times.count(RequestKind::Sync, RequestTimes::kBuckets - 1) == 1);
  CHECK(times.count(RequestKind::Other, 0) == 1);
  CHECK(times.sum_us(RequestKind::Sync) == 30'000'502);
}

TEST_CASE("request times: the text has counts that add up, and seconds") {
  RequestTimes times;
  times.record(RequestKind::Stream, 700);
  times.record(RequestKind::Stream, 2'000'000);
  std::string text;
  append_request_times(text, {&times});
  for (const char* line : {
           "# TYPE topgun_http_request_seconds histogram\n",
           "topgun_http_request_seconds_bucket{shard=\"0\",kind=\"stream\",le=\"0.00025\"} 0\n",
           "topgun_http_request_seconds_bucket{shard=\"0\",kind=\"stream\",le=\"0.001\"} 1\n",
           "topgun_http_request_seconds_bucket{shard=\"0\",kind=\"stream\",le=\"1\"} 1\n",
           "topgun_http_request_seconds_bucket{shard=\"0\",kind=\"stream\",le=\"5\"} 2\n",
           "topgun_http_request_seconds_bucket{shard=\"0\",kind=\"stream\",le=\"+Inf\"} 2\n",
           "topgun_http_request_seconds_sum{shard=\"0\",kind=\"stream\"} 2.0007\n",
           "topgun_http_request_seconds_count{shard=\"0\",kind=\"sync\"} 0\n",
       }) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

}  // namespace
}  // namespace topgun::host
