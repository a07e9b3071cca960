#include "core/node/cursor.hpp"

#include "core/base/byte_io.hpp"
#include "core/base/probe.hpp"

namespace topgun::node {
namespace {

/// Shards that a cursor may name.
constexpr uint64_t kCursorShardsMax = 1024;

Continuation take_continuation(ByteReader& in, size_t shards) {
  Continuation continuation;
  const uint8_t stage = in.u8();
  continuation.stage = static_cast<Continuation::Stage>(stage);
  continuation.started_ms = in.varint();
  switch (continuation.stage) {
    case Continuation::Stage::Repair:
      return continuation;
    case Continuation::Stage::Snapshot:
      for (size_t i = 0; i < shards; ++i) {
        const uint64_t position = in.varint();
        continuation.positions.push_back(position == 0 ? std::nullopt
                                                       : std::optional(position - 1));
      }
      return continuation;
  }
  in.fail(Error::Malformed);
  return continuation;
}

}  // namespace

Bytes encode_cursor(const Cursor& cursor, const ShardOptions& options) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(options.incarnation);
  out.varint(cursor.versions.size());
  for (const uint64_t version : cursor.versions) out.varint(version);
  if (!cursor.continuation.has_value()) return bytes;
  const Continuation& continuation = *cursor.continuation;
  out.u8(static_cast<uint8_t>(continuation.stage));
  out.varint(continuation.started_ms);
  for (const std::optional<uint64_t>& position : continuation.positions) {
    out.varint(position.has_value() ? *position + 1 : 0);
  }
  return bytes;
}

std::optional<Cursor> decode_cursor(ByteView bytes, const ShardOptions& options) {
  ByteReader in(bytes);
  const uint64_t incarnation = in.u64();
  const uint64_t count = in.varint_max(kCursorShardsMax);
  const bool is_ours = incarnation == options.incarnation || TG_MUTANT(48);
  if (!in.ok() || !is_ours || count != options.shard_count) return std::nullopt;
  Cursor cursor;
  for (uint64_t i = 0; i < count; ++i) cursor.versions.push_back(in.varint());
  if (in.ok() && !in.at_end()) cursor.continuation = take_continuation(in, cursor.versions.size());
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return cursor;
}

}  // namespace topgun::node
