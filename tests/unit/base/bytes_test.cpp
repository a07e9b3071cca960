#include "core/base/bytes.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

TEST_CASE("bytes: order is unsigned, byte by byte, and a prefix comes first") {
  struct Case {
    const char* name;
    Bytes left, right;
    int order;
  };
  const Case cases[] = {
      {"empty equals empty", {}, {}, 0},
      {"empty before anything", {}, {0}, -1},
      {"a prefix before its extension", {1, 2}, {1, 2, 0}, -1},
      {"the first difference decides", {1, 3}, {1, 2, 9}, 1},
      {"bytes above 127 are large, not negative", {0x80}, {0x7f}, 1},
      {"zero bytes count", {0, 0}, {0, 1}, -1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(compare_bytes(c.left, c.right) == c.order);
    CHECK(compare_bytes(c.right, c.left) == -c.order);
    CHECK(equal_bytes(c.left, c.right) == (c.order == 0));
  }
}

TEST_CASE("bytes: text and bytes view each other without a change") {
  using namespace std::string_view_literals;
  const std::string_view text = "a\0\xc3\xa9"sv;
  CHECK(as_bytes(text).size() == 4);
  CHECK(as_text(as_bytes(text)) == text);
  CHECK(to_bytes(as_bytes("\x01\xff")) == Bytes{0x01, 0xff});
}

}  // namespace
}  // namespace topgun
