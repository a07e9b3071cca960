#include "core/base/trace_hash.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace topgun {
namespace {

uint64_t of_texts(std::initializer_list<std::string_view> texts) {
  TraceHash trace;
  for (const std::string_view text : texts) trace.add(text);
  return trace.value();
}

uint64_t of_numbers(std::initializer_list<uint64_t> numbers) {
  TraceHash trace;
  for (const uint64_t number : numbers) trace.add(number);
  return trace.value();
}

TEST_CASE("trace_hash: order, repetition and zeros count") {
  CHECK(of_numbers({1, 2}) == of_numbers({1, 2}));
  CHECK(of_numbers({1, 2}) != of_numbers({2, 1}));
  CHECK(of_numbers({1}) != of_numbers({1, 1}));
  CHECK(of_numbers({}) != of_numbers({0}));
  CHECK(of_numbers({0}) != of_numbers({0, 0}));
}

TEST_CASE("trace_hash: where one string ends and the next begins counts") {
  CHECK(of_texts({"ab", "c"}) != of_texts({"a", "bc"}));
  CHECK(of_texts({"abc"}) != of_texts({"abc", ""}));
  CHECK(of_texts({"a"}) != of_numbers({'a'}));
}

TEST_CASE("trace_hash: counts what went in") {
  TraceHash trace;
  trace.add(7);
  trace.add("seven");
  CHECK(trace.events() == 2);
}

}  // namespace
}  // namespace topgun
