#pragma once

#include "core/base/bytes.hpp"
#include "core/base/hash.hpp"
#include "core/base/mix.hpp"

namespace topgun {

/// A digest of everything that happened, in order. Two runs that did the same have equal digests;
/// two builds that disagree anywhere almost surely do not. Feed it events as they happen, not end
/// states alone: the earlier a difference enters, the easier it is to find by bisection.
///
/// Numbers and byte strings are told apart, and so are `add("ab"), add("c")` and
/// `add("a"), add("bc")`. Only values of stated width go in, never a `size_t`, a pointer or the
/// bytes of a struct. O(1) a number, O(size) a string.
class TraceHash {
 public:
  constexpr void add(uint64_t value) {
    state_ = absorb64(state_, value);
    ++events_;
  }

  void add(ByteView bytes) {
    state_ = absorb64(state_ ^ kBytesTag, bytes.size());
    add(hash64(bytes));
  }

  void add(std::string_view text) { add(as_bytes(text)); }

  constexpr uint64_t value() const { return absorb64(state_, events_); }

  /// How many values went in; where two digests differ, the first thing to compare.
  constexpr uint64_t events() const { return events_; }

 private:
  static constexpr uint64_t kBytesTag = 0x6279746573;  // "bytes"

  uint64_t state_ = 0;
  uint64_t events_ = 0;
};

}  // namespace topgun
