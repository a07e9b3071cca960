// Whatever comes in as HTTP is a request, a status or a wish for more, within the limits.

#include "core/base/assert.hpp"
#include "host-native/net/http.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun::host;
  constexpr HttpLimits kLimits{.head_bytes_max = 1024, .body_bytes_max = 256};
  topgun::ByteView rest(data, size);
  while (!rest.empty()) {
    HttpRequestParser parser(kLimits);
    auto progress = parser.feed(rest);
    TG_ASSERT(progress.consumed <= rest.size());
    if (progress.head_done && !progress.complete) {
      TG_ASSERT(parser.has_head());
      const size_t head_bytes = progress.consumed;
      progress = parser.feed(rest.subspan(head_bytes));
      TG_ASSERT(!progress.head_done);
      progress.consumed += head_bytes;
      TG_ASSERT(progress.consumed <= rest.size());
    }
    if (progress.error_status != 0) {
      TG_ASSERT(progress.error_status >= 400 && http_reason(progress.error_status) != "Unknown");
      return 0;
    }
    if (!progress.complete) return 0;
    const HttpRequest request = parser.take();
    TG_ASSERT(request.body.size() <= kLimits.body_bytes_max);
    TG_ASSERT(request.target.size() <= kLimits.head_bytes_max);
    (void)request.query("dir");
    (void)percent_decode(request.target);
    TG_ASSERT(progress.consumed > 0);
    rest = rest.subspan(progress.consumed);
  }
  return 0;
}
