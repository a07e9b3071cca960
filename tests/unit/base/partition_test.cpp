#include "core/base/partition.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

// Computed by TopGun 2 clients: keys must go where those send them.
TEST_CASE("partition: keys hash and route as TopGun 2 clients route them") {
  struct Case {
    std::string_view key;
    uint32_t hash;
    uint16_t partition;
  };
  const Case cases[] = {
      {"", 0x811c9dc5, 199},          {"a", 0xe40c292c, 101},
      {"hello", 0x4f9f2cab, 95},      {"key1", 0x374a6a67, 268},
      {"user:alice", 0x37452510, 91}, {"todo:001:title", 0x2829d57c, 150},
      {"привет", 0x9015dafb, 254},    {"日本", 0x5ffcbea4, 53},
      {"😀", 0xcb31c4b8, 102},
  };
  for (const Case& c : cases) {
    CAPTURE(c.key);
    CHECK(fnv1a_utf16(as_bytes(c.key)) == c.hash);
    CHECK(partition_of(as_bytes(c.key)).value == c.partition);
  }
}

TEST_CASE("partition: each byte of invalid UTF-8 counts as one U+FFFD") {
  const std::string_view replacement = "\xef\xbf\xbd";
  struct Case {
    const char* name;
    std::string_view key;
    int replacements;
  };
  const Case cases[] = {
      {"lone continuation", "\x80", 1},
      {"overlong slash", "\xc0\xaf", 2},
      {"cut after the lead", "\xe6", 1},
      {"cut before the last byte", "\xf0\x9f\x98", 3},
      {"beyond Unicode's planes", "\xf5\x80\x80\x80", 4},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    std::string expected;
    for (int i = 0; i < c.replacements; ++i) expected += replacement;
    CHECK(fnv1a_utf16(as_bytes(c.key)) == fnv1a_utf16(as_bytes(expected)));
  }
}

}  // namespace
}  // namespace topgun
