#include "core/base/result.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace topgun {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error::InvalidArgument;
  return number / 2;
}

Result<void> require_even(int number) {
  if (number % 2 != 0) return Error::InvalidArgument;
  return {};
}

TEST_CASE("result: holds a value or the reason why there is none") {
  CHECK(half(4).ok());
  CHECK(half(4).value() == 2);
  CHECK_FALSE(half(3).ok());
  CHECK(half(3).error() == Error::InvalidArgument);
  CHECK(require_even(4).ok());
  CHECK(require_even(3).error() == Error::InvalidArgument);
}

TEST_CASE("result: a value that can only move, moves out") {
  Result<std::unique_ptr<std::string>> result(std::make_unique<std::string>("kept"));
  CHECK(**result == "kept");
  const std::unique_ptr<std::string> taken = std::move(result).value();
  CHECK(*taken == "kept");
}

TEST_CASE("error: names are unique and numbers lead back to their error") {
  int known = 0;
  for (uint32_t code = 0; code <= 0xffff; ++code) {
    const std::optional<Error> error = error_from_code(static_cast<uint16_t>(code));
    if (!error) continue;
    ++known;
    CAPTURE(code);
    CHECK(static_cast<uint16_t>(*error) == code);
    for (uint32_t other = 0; other < code; ++other) {
      const std::optional<Error> earlier = error_from_code(static_cast<uint16_t>(other));
      if (earlier) CHECK(error_name(*earlier) != error_name(*error));
    }
  }
  CHECK(known > 30);
  CHECK_FALSE(error_from_code(0).has_value());
}

// On the wire and in users' code: a number that changes breaks both.
TEST_CASE("error: the number of an error never changes") {
  struct Case {
    Error error;
    uint16_t code;
    std::string_view name;
  };
  const Case cases[] = {
      {Error::Truncated, 100, "truncated"},
      {Error::InvalidArgument, 108, "invalid-argument"},
      {Error::Unauthenticated, 200, "unauthenticated"},
      {Error::LimitExceeded, 205, "limit-exceeded"},
      {Error::ClockDrift, 300, "clock-drift"},
      {Error::CursorUnknown, 304, "cursor-unknown"},
      {Error::Closed, 400, "closed"},
      {Error::TimedOut, 404, "timed-out"},
      {Error::StorageIo, 500, "storage-io"},
      {Error::ReadOnly, 504, "read-only"},
      {Error::Internal, 900, "internal"},
      {Error::EngineTrap, 902, "engine-trap"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(static_cast<uint16_t>(c.error) == c.code);
    CHECK(error_name(c.error) == c.name);
  }
}

}  // namespace
}  // namespace topgun
