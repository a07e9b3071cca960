#pragma once

#include <cstdint>

namespace topgun::host {

/// What epoll reports beside connection ids, which never reach these numbers.
inline constexpr uint64_t kDoorbellTag = ~uint64_t{0};
inline constexpr uint64_t kListenTag = ~uint64_t{0} - 1;

/// The low bits of a connection id name its slot, the rest is a serial number.
inline constexpr uint32_t kSlotBits = 24;
inline constexpr uint64_t kSlotMask = (uint64_t{1} << kSlotBits) - 1;

}  // namespace topgun::host
