#include "core/query/index_text.hpp"

#include <doctest/doctest.h>

namespace topgun::query {
namespace {

TEST_CASE("index_text: kinds, fields and directions are read, and the text is the name") {
  const auto ordered = index_from_text("city,-address.zip,$key");
  REQUIRE(ordered.ok());
  CHECK(ordered->name == "city,-address.zip,$key");
  CHECK(ordered->kind == IndexKind::Ordered);
  REQUIRE(ordered->parts.size() == 3);
  CHECK(ordered->parts[0] == IndexPart{field("city"), Direction::Ascending});
  CHECK(ordered->parts[1] == IndexPart{field("address", "zip"), Direction::Descending});
  CHECK(ordered->parts[2] == IndexPart{record_key(), Direction::Ascending});
  const auto hash = index_from_text("hash:owner");
  REQUIRE(hash.ok());
  CHECK(hash->name == "hash:owner");
  CHECK(hash->kind == IndexKind::Hash);
  CHECK(index_from_text("ordered:city")->name == "city");
  CHECK(index_from_text("elements:tags")->kind == IndexKind::Elements);
  CHECK(index_from_text("presence:gone")->kind == IndexKind::Presence);
  CHECK(index_from_text("unique:mail")->kind == IndexKind::Unique);
}

TEST_CASE("index_text: what is no index is refused") {
  for (const char* text : {"", ",", "a,", ",a", "a,,b", "a..b", ".a", "a.", "-", "tree:a",
                           "hash:", "elements:a,b", "a,b,c,d,e,f,g,h,i", "\xff"}) {
    CAPTURE(text);
    const auto definition = index_from_text(text);
    REQUIRE_FALSE(definition.ok());
    CHECK(definition.error() == Error::InvalidArgument);
  }
  CHECK_FALSE(index_from_text(std::string(kIndexNameBytesMax + 1, 'a')).ok());
}

}  // namespace
}  // namespace topgun::query
