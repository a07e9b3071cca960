#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/error.hpp"

namespace topgun {

/// A value of type `T`, or the `Error` that kept it from being made (the idea of `absl::StatusOr`).
/// Used for expected failures only; what *we* promised is asserted, and not finding something is an
/// `optional`. Reading the value of a failed result is a programming error and stops the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  static_assert(!std::is_same_v<T, Error>, "a Result<Error> could not tell its two states apart");

  // NOLINTNEXTLINE(google-explicit-constructor): return value;
  Result(T value) : value_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): return Error::X;
  Result(Error error) : error_(error) {}

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }

  Error error() const {
    TG_ASSERT(!ok());
    return error_;
  }

  T& value() & {
    TG_ASSERT(ok());
    return *value_;
  }
  const T& value() const& {
    TG_ASSERT(ok());
    return *value_;
  }
  T&& value() && {
    TG_ASSERT(ok());
    return std::move(*value_);
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Error error_ = Error::Internal;
};

/// Success without a value, or an `Error`. `return {};` says success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): return Error::X;
  Result(Error error) : error_(error) {}

  bool ok() const { return error_ == kNone; }
  explicit operator bool() const { return ok(); }

  Error error() const {
    TG_ASSERT(!ok());
    return error_;
  }

 private:
  /// No error has the number 0. An optional would be written as two fields and often be read as one
  /// word right after, for which the processor has to wait.
  static constexpr Error kNone{0};
  Error error_ = kNone;
};

}  // namespace topgun
