#pragma once

#include <cstring>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace topgun {

/// Longest LEB128 encoding of a 64-bit integer.
inline constexpr size_t kVarintBytesMax = 10;

/// Bytes of a number as a varint.
constexpr size_t varint_bytes(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

/// Appends fields to a byte vector: little-endian integers, LEB128 varints and length-prefixed
/// bytes. Borrows the vector for its lifetime; never fails.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(uint8_t value) { out_.push_back(value); }
  void u16(uint16_t value) { fixed(value); }
  void u32(uint32_t value) { fixed(value); }
  void u64(uint64_t value) { fixed(value); }

  /// Unsigned LEB128: 7 bits a byte, least significant first, in its shortest form.
  void varint(uint64_t value);

  void raw(ByteView bytes) {
#ifdef _LIBCPP_VERSION
    // Its insert() copies byte by byte, which WebAssembly feels.
    if (bytes.empty()) return;
    const size_t at = out_.size();
    out_.resize(at + bytes.size());
    std::memcpy(out_.data() + at, bytes.data(), bytes.size());
#else
    out_.insert(out_.end(), bytes.begin(), bytes.end());
#endif
  }

  /// A varint length, then the bytes.
  void blob(ByteView bytes) {
    varint(bytes.size());
    raw(bytes);
  }

  /// Reserves four bytes for a length that is only known later; returns their offset.
  size_t begin_u32_length();
  /// Fills the four bytes at `offset` with the number of bytes written after them.
  void end_u32_length(size_t offset);

  size_t size() const { return out_.size(); }

 private:
  template <typename T>
  void fixed(T value) {
    // Not insert(): g++ 12 sees an overflow in it where there is none.
    const size_t at = out_.size();
    out_.resize(at + sizeof(T));
    for (size_t i = 0; i < sizeof(T); ++i) out_[at + i] = static_cast<uint8_t>(value >> (8 * i));
  }

  Bytes& out_;
};

/// Reads the same fields from borrowed bytes. The first failure is kept: every later read returns
/// zero or nothing and `ok()` stays false, so that a decoder may read a whole group of fields and
/// check once. Lengths are checked against what is there before anything is taken. O(1) a field.
class ByteReader {
 public:
  explicit ByteReader(ByteView in) : in_(in) {}

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }

  /// Fails with `Malformed` on more than ten bytes, on bits beyond 64 and on a form that is longer
  /// than needed, so that equal numbers have equal bytes.
  uint64_t varint() {
    // Nearly all are of one byte; the rest goes out of line.
    const bool is_short = !failed_ && at_ < in_.size() && in_[at_] < 0x80;
    return is_short ? in_[at_++] : long_varint();
  }

  /// A varint that must not exceed `max`; `TooLarge` otherwise.
  uint64_t varint_max(uint64_t max) {
    const uint64_t value = varint();
    if (value <= max) return value;
    fail(Error::TooLarge);
    return 0;
  }

  ByteView raw(size_t size) {
    if (failed_ || in_.size() - at_ < size) {
      fail(Error::Truncated);
      return {};
    }
    const ByteView view = in_.subspan(at_, size);
    at_ += size;
    return view;
  }

  /// A varint length of at most `size_max`, then that many bytes, borrowed from the input.
  ByteView blob(size_t size_max) { return raw(static_cast<size_t>(varint_max(size_max))); }

  /// Everything not yet read.
  ByteView rest() const { return failed_ ? ByteView{} : in_.subspan(at_); }

  size_t position() const { return at_; }
  size_t remaining() const { return failed_ ? 0 : in_.size() - at_; }
  bool at_end() const { return remaining() == 0; }

  bool ok() const { return !failed_; }
  Error error() const { return error_; }

  /// Marks the input as bad, for rules that the caller checks; the first failure wins.
  void fail(Error error) {
    if (failed_) return;
    failed_ = true;
    error_ = error;
  }

 private:
  uint64_t long_varint();

  template <typename T>
  T fixed() {
    if (failed_ || in_.size() - at_ < sizeof(T)) {
      fail(Error::Truncated);
      return 0;
    }
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(in_[at_ + i]) << (8 * i)));
    }
    at_ += sizeof(T);
    return value;
  }

  ByteView in_;
  size_t at_ = 0;
  bool failed_ = false;
  Error error_ = Error::Internal;
};

/// Maps signed to unsigned so that small magnitudes stay short as varints.
constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

}  // namespace topgun
