#pragma once

#include <cstdint>
#include <string_view>

namespace topgun::sim {

/// What traces and pictures call a message of the native protocol, by the number of its kind
/// (`MessageKind`, core/sync/messages.hpp); "unknown" for numbers that stand for none.
std::string_view message_name(uint8_t kind);

}  // namespace topgun::sim
