#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace topgun::node {

/// Who a connection speaks for, as proven by its token.
struct Principal {
  std::string subject;
  std::vector<std::string> roles;
  /// Wall milliseconds at which the proof ends; 0 means never.
  uint64_t expires_at_ms = 0;
};

/// Proves tokens. The host implements it (signatures need a cryptographic library); it must be a
/// pure function of its arguments and its configuration.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  /// The principal behind `token` (empty: none was given) at `wall_ms`.
  /// `Unauthenticated`, `TokenInvalid` or `TokenExpired` otherwise.
  virtual Result<Principal> verify(ByteView token, uint64_t wall_ms) const = 0;
};

enum class Permission : uint8_t { Read, Write };

/// A record is seen only if the value at this path equals that one.
struct FieldEquals {
  std::vector<std::string> path;
  Bytes value;  ///< Canonical MessagePack.
  friend bool operator==(const FieldEquals&, const FieldEquals&) = default;
};

/// Which records of a map somebody may see.
struct ReadAccess {
  bool all = false;
  /// Without `all`: the records for which all conditions of at least one of these hold.
  std::vector<std::vector<FieldEquals>> any_of;

  bool nothing() const { return !all && any_of.empty(); }
  friend bool operator==(const ReadAccess&, const ReadAccess&) = default;
};

/// Decides what a principal may do with a map. Pure and immutable, shared by all shards.
class AccessPolicy {
 public:
  virtual ~AccessPolicy() = default;
  /// About the map as a whole: who may see only some of its records may not follow it, only ask.
  virtual bool allows(const Principal& principal, std::string_view map,
                      Permission permission) const = 0;

  /// About single records, for queries.
  virtual ReadAccess read_access(const Principal& principal, std::string_view map) const {
    return {allows(principal, map, Permission::Read), {}};
  }
};

}  // namespace topgun::node
