#pragma once

#include "core/base/bytes.hpp"

namespace topgun::sim {

/// The frame as a later version of the protocol would have sent it, within what docs/protocol.md
/// promises about later versions: messages of unknown kinds between the others, fields behind those
/// that this version knows, unknown flags, and a Hello that offers more versions. `bits` are random
/// and decide what of it; the same bits give the same frame. O(n).
Bytes spoken_later(ByteView frame, uint64_t bits, bool from_node);

}  // namespace topgun::sim
