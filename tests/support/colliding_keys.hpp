#pragma once

#include <string>
#include <vector>

#include "core/base/hash.hpp"

namespace topgun {

/// `count` keys whose hashes start with the byte `top`. In a table of up to 256 slots they all want
/// the same slot: the last one for 0xff, so that their probe run wraps round the end of the table
/// into the slots that keys with 0x00 want.
inline std::vector<std::string> colliding_keys(uint8_t top, size_t count) {
  std::vector<std::string> keys;
  for (uint64_t number = 0; keys.size() < count; ++number) {
    const std::string key = "k" + std::to_string(number);
    if (hash64(as_bytes(key)) >> 56 == top) keys.push_back(key);
  }
  return keys;
}

}  // namespace topgun
