#pragma once

#include "core/query/ordered_key.hpp"

namespace topgun::query::internal {

/// Reads one part of an ordered key back into a value. Any bytes may be read: what is no part gives
/// an error.
class KeyReader {
 public:
  /// Borrows `key`.
  KeyReader(ByteView key, bool flipped) : key_(key), flip_(flipped ? 0xff : 0x00) {}

  Result<OrderedPart> read();

 private:
  // Each returns whether it succeeded; the reason for a failure is in `error_`.
  bool fail(Error error);
  bool byte(uint8_t& out);
  bool big_endian(size_t width, uint64_t& out);
  bool terminated(Bytes& out);
  bool value(Bytes& out, uint32_t depth_left);
  bool number(Bytes& out);
  bool bigint(Bytes& out, double leading, uint8_t tie);
  bool text(Bytes& out);
  bool date(Bytes& out);
  bool array(Bytes& out, uint32_t depth_left);
  bool map(Bytes& out, uint32_t depth_left);
  bool extension(Bytes& out);

  ByteView key_;
  size_t at_ = 0;
  uint8_t flip_;
  Error error_ = Error::Internal;
};

}  // namespace topgun::query::internal
