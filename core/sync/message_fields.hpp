#pragma once

#include "core/base/byte_io.hpp"
#include "core/base/probe.hpp"
#include "core/value/utf8.hpp"

namespace topgun {

// What the decoders of messages share.

/// Text of at most `size_max` bytes; the reader fails with `InvalidUtf8` if it is none. Borrows.
inline ByteView take_text(ByteReader& in, size_t size_max) {
  const ByteView text = in.blob(size_max);
  if (in.ok() && !is_utf8(text)) in.fail(Error::InvalidUtf8);
  return text;
}

/// The message, if every field was read. What is left over are fields of a later version.
template <typename T>
Result<T> finish_message(const ByteReader& in, T message) {
  if (!in.ok()) return in.error();
  TG_SOMETIMES(!in.at_end(), FieldsPassedOver);
  if (!in.at_end() && TG_MUTANT(74)) return Error::Malformed;
  return message;
}

}  // namespace topgun
