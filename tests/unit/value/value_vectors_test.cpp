/// Goal: the rules in docs/protocol-values.md, as the golden vectors state them, hold here. The
/// TypeScript side reads the same file.

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "core/value/value.hpp"

namespace topgun {
namespace {

struct Vector {
  std::string name;
  int order = 0;
  Bytes msgpack;
  Bytes canonical;
  std::string error;
};

Bytes from_hex(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::string> columns_of(const std::string& line) {
  std::vector<std::string> columns(1);
  for (const char c : line) {
    if (c == '\t') {
      columns.emplace_back();
    } else {
      columns.back() += c;
    }
  }
  return columns;
}

std::vector<Vector> read_vectors() {
  std::ifstream file(TOPGUN_VECTORS_DIR "/value.tsv");
  REQUIRE(file.good());
  std::vector<Vector> vectors;
  std::string line;
  std::getline(file, line);
  REQUIRE(line == "name\torder\tjavascript\tmsgpack\tcanonical\terror");
  while (std::getline(file, line)) {
    const auto columns = columns_of(line);
    CAPTURE(line);
    REQUIRE(columns.size() == 6);
    vectors.push_back({columns[0], columns[1].empty() ? 0 : std::stoi(columns[1]),
                       from_hex(columns[3]), from_hex(columns[4]), columns[5]});
  }
  REQUIRE(vectors.size() > 200);
  return vectors;
}

TEST_CASE("value vectors: each input is accepted or refused as stated") {
  for (const Vector& vector : read_vectors()) {
    CAPTURE(vector.name);
    const auto result = validate_value(vector.msgpack);
    CHECK((result.ok() ? "" : error_name(result.error())) == vector.error);
  }
}

TEST_CASE("value vectors: each value has the stated canonical form") {
  for (const Vector& vector : read_vectors()) {
    if (!vector.error.empty()) continue;
    CAPTURE(vector.name);
    const auto canonical = canonicalize_value(vector.msgpack);
    REQUIRE(canonical.ok());
    CHECK(*canonical == vector.canonical);
    CHECK(is_canonical_value(vector.msgpack) == (vector.msgpack == vector.canonical));
  }
}

TEST_CASE("value vectors: all pairs compare as their order says") {
  const std::vector<Vector> vectors = read_vectors();
  for (const Vector& left : vectors) {
    for (const Vector& right : vectors) {
      if (!left.error.empty() || !right.error.empty()) continue;
      CAPTURE(left.name);
      CAPTURE(right.name);
      const int expected = left.order < right.order ? -1 : left.order > right.order ? 1 : 0;
      CHECK(compare_values(ValueView(left.msgpack), ValueView(right.msgpack)) == expected);
    }
  }
}

}  // namespace
}  // namespace topgun
