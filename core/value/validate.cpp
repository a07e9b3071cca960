#include <algorithm>

#include "core/value/internal/head.hpp"
#include "core/value/utf8.hpp"
#include "core/value/value.hpp"

namespace topgun {
namespace {

using value_internal::Head;
using value_internal::HeadKind;

/// A container whose elements or entries are being read. Has no initial values on purpose: a stack
/// of them must cost nothing to a scalar.
struct OpenContainer {
  uint32_t values_left;
  bool is_map;
  uint32_t last_key_size;
  const uint8_t* last_key;  ///< Null before the first key.
};

bool is_extension_valid(int8_t type, ByteView payload) {
  if (type == kExtensionDate) return value_internal::read_date(payload).has_value();
  if (type == kExtensionBigInt) return value_internal::is_bigint_payload(payload);
  return true;
}

/// Most neighbouring keys differ in their first byte, which is cheaper to look at here.
bool ascends(ByteView left, ByteView right) {
  if (!left.empty() && !right.empty() && left[0] != right[0]) return left[0] < right[0];
  return compare_bytes(left, right) < 0;
}

/// Reads the key at the start of `rest` without looking at its text. Only ever over bytes that the
/// first pass accepted.
ByteView key_at(ByteView rest) {
  const Head head = value_internal::read_head(rest);
  return rest.subspan(head.size, static_cast<size_t>(head.number));
}

/// Second pass, for values in which some map's keys are out of order: no map has a key twice. The
/// keys of all open maps share one stack; when a map ends, its part is sorted and neighbours are
/// compared. The values are already known to be well-formed.
bool has_unique_keys(ByteView bytes) {
  struct OpenMap {
    uint32_t values_left;
    bool is_map;
    size_t keys_from;
  };
  OpenMap open[kValueDepthMax];
  size_t depth = 0;
  std::vector<ByteView> keys;
  for (size_t at = 0;;) {
    const Head head = value_internal::read_head(bytes.subspan(at));
    at += head.size;
    if (value_internal::has_payload(head.kind)) at += static_cast<size_t>(head.number);
    if (head.kind == HeadKind::Array || head.kind == HeadKind::Map) {
      open[depth++] = {static_cast<uint32_t>(head.number), head.kind == HeadKind::Map, keys.size()};
    }
    while (depth > 0 && open[depth - 1].values_left == 0) {
      const auto from = keys.begin() + static_cast<ptrdiff_t>(open[--depth].keys_from);
      // allow(sort): equal keys are the same bytes, and refused below.
      std::sort(from, keys.end(),
                [](ByteView left, ByteView right) { return compare_bytes(left, right) < 0; });
      if (std::adjacent_find(from, keys.end(), equal_bytes) != keys.end()) return false;
      keys.erase(from, keys.end());
    }
    if (depth == 0) return true;
    OpenMap& container = open[depth - 1];
    --container.values_left;
    if (!container.is_map) continue;
    const ByteView key = key_at(bytes.subspan(at));
    keys.push_back(key);
    at = static_cast<size_t>(key.data() - bytes.data()) + key.size();
  }
}

/// One pass over the bytes with the open containers on a stack of fixed size.
class Validator {
 public:
  Validator(ByteView bytes, uint32_t depth_max) : rest_(bytes), depth_max_(depth_max) {}

  Result<void> run() {
    for (;;) {
      if (!take_value()) return error_;
      while (depth_ > 0 && open_[depth_ - 1].values_left == 0) --depth_;
      if (depth_ == 0) break;
      OpenContainer& container = open_[depth_ - 1];
      --container.values_left;
      if (!container.is_map) continue;
      if (!take_key(container)) return error_;
    }
    if (!rest_.empty()) return Error::Malformed;
    return {};
  }

  /// Whether every map seen had its keys in strictly ascending order, hence no key twice.
  bool keys_ascend() const { return keys_ascend_; }

 private:
  /// The steps below return whether they succeeded and leave the reason here: a processor waits for
  /// an optional<Error> that was written in halves and is read as a whole, several times an item.
  bool fail(Error error) {
    error_ = error;
    return false;
  }

  /// Takes a scalar, or opens a container.
  bool take_value() {
    const Head head = value_internal::read_head(rest_);
    switch (head.kind) {
      case HeadKind::Truncated:
        return fail(Error::Truncated);
      case HeadKind::Reserved:
        return fail(Error::Malformed);
      case HeadKind::Nil:
      case HeadKind::False:
      case HeadKind::True:
      case HeadKind::Int:
      case HeadKind::Uint:
      case HeadKind::Float:
        rest_ = rest_.subspan(head.size);
        return true;
      case HeadKind::Text:
      case HeadKind::Binary:
      case HeadKind::Extension:
        return take_payload(head);
      case HeadKind::Array:
      case HeadKind::Map:
        return open_container(head);
    }
    return fail(Error::Internal);
  }

  bool take_payload(const Head& head) {
    if (head.number > rest_.size() - head.size) return fail(Error::Truncated);
    const ByteView payload = rest_.subspan(head.size, static_cast<size_t>(head.number));
    rest_ = rest_.subspan(head.size + payload.size());
    if (head.kind == HeadKind::Text && !is_utf8(payload)) return fail(Error::InvalidUtf8);
    if (head.kind == HeadKind::Extension && !is_extension_valid(head.extension_type, payload)) {
      return fail(Error::Malformed);
    }
    return true;
  }

  bool open_container(const Head& head) {
    const bool is_map = head.kind == HeadKind::Map;
    rest_ = rest_.subspan(head.size);
    // Each element takes at least a byte, each entry two: refuse a count that cannot be met now.
    if (head.number > rest_.size() / (is_map ? 2 : 1)) return fail(Error::Truncated);
    if (depth_ >= depth_max_) return fail(Error::TooDeep);
    open_[depth_++] = {static_cast<uint32_t>(head.number), is_map, 0, nullptr};
    return true;
  }

  bool take_key(OpenContainer& map) {
    const Head head = value_internal::read_head(rest_);
    if (head.kind == HeadKind::Truncated) return fail(Error::Truncated);
    if (head.kind != HeadKind::Text) return fail(Error::Malformed);
    const ByteView before = rest_;
    if (!take_payload(head)) return false;
    const ByteView key = before.subspan(head.size, static_cast<size_t>(head.number));
    if (map.last_key != nullptr && !ascends({map.last_key, map.last_key_size}, key)) {
      keys_ascend_ = false;
    }
    map.last_key = key.data();
    map.last_key_size = static_cast<uint32_t>(key.size());
    return true;
  }

  ByteView rest_;
  uint32_t depth_max_;
  uint32_t depth_ = 0;
  bool keys_ascend_ = true;
  Error error_ = Error::Internal;
  OpenContainer open_[kValueDepthMax];
};

}  // namespace

Result<void> validate_value(ByteView bytes, const ValueLimits& limits) {
  if (bytes.size() > limits.bytes_max) return Error::TooLarge;
  Validator validator(bytes, std::min(limits.depth_max, kValueDepthMax));
  if (const auto result = validator.run(); !result.ok()) return result;
  if (!validator.keys_ascend() && !has_unique_keys(bytes)) return Error::Malformed;
  return {};
}

Result<ValueView> ValueView::parse(ByteView bytes, const ValueLimits& limits) {
  if (const auto result = validate_value(bytes, limits); !result.ok()) return result.error();
  return ValueView(bytes);
}

}  // namespace topgun
