// Whatever comes in as JSON is a frame or a problem in words; what is a frame is the same one after
// it was JSON again. And whatever the frame: as JSON it keeps every bit.

#include "core/base/assert.hpp"
#include "host-native/json/message_json.hpp"

namespace {

void expect_same(topgun::ByteView frame) {
  const auto json = topgun::host::frame_to_json(frame);
  if (!json) return;
  const auto again = topgun::host::json_to_frame(*json, {});
  TG_ASSERT(again.frame.has_value());
  TG_ASSERT(topgun::equal_bytes(*again.frame, frame));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const topgun::ByteView input(data, size);
  expect_same(input);
  const auto read = topgun::host::json_to_frame(
      topgun::as_text(input), {.now_ms = 1, .replica = 2, .fills_opening = size % 2 == 0});
  TG_ASSERT(read.frame.has_value() != !read.problem.empty());
  if (read.frame) expect_same(*read.frame);
  return 0;
}
