#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.hpp"

namespace topgun::bench {

/// `POST /sync` as the load generator speaks it.

/// Appends the head of a request whose body, a frame of `body_bytes`, follows.
void append_request_head(Bytes& out, std::string_view token, size_t body_bytes);

/// Cuts a stream of answers into bodies. Knows what our server sends: a status, a length, a body.
class HttpAnswerReader {
 public:
  void feed(ByteView bytes) { input_.insert(input_.end(), bytes.begin(), bytes.end()); }

  /// The next whole body, borrowed until the next call; nothing until more has come, or for good
  /// after an answer that is not 200 (`failed`).
  std::optional<ByteView> next();
  bool failed() const { return failed_; }

 private:
  Bytes input_;
  size_t taken_ = 0;  ///< Bytes of `input_` that were given out.
  bool failed_ = false;
};

}  // namespace topgun::bench
