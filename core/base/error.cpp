#include "core/base/error.hpp"

namespace topgun {

std::string_view error_name(Error error) {
  switch (error) {
    case Error::Truncated:
      return "truncated";
    case Error::Malformed:
      return "malformed";
    case Error::TooDeep:
      return "too-deep";
    case Error::TooLarge:
      return "too-large";
    case Error::InvalidUtf8:
      return "invalid-utf-8";
    case Error::UnsupportedVersion:
      return "unsupported-version";
    case Error::UnknownMessage:
      return "unknown-message";
    case Error::ChecksumMismatch:
      return "checksum-mismatch";
    case Error::InvalidArgument:
      return "invalid-argument";
    case Error::HintImpossible:
      return "hint-impossible";
    case Error::Unauthenticated:
      return "unauthenticated";
    case Error::TokenInvalid:
      return "token-invalid";
    case Error::TokenExpired:
      return "token-expired";
    case Error::Forbidden:
      return "forbidden";
    case Error::RateLimited:
      return "rate-limited";
    case Error::LimitExceeded:
      return "limit-exceeded";
    case Error::ClockDrift:
      return "clock-drift";
    case Error::BehindHorizon:
      return "behind-horizon";
    case Error::ReplicaCloned:
      return "replica-cloned";
    case Error::TypeMismatch:
      return "type-mismatch";
    case Error::CursorUnknown:
      return "cursor-unknown";
    case Error::TakenOver:
      return "taken-over";
    case Error::Closed:
      return "closed";
    case Error::NotReady:
      return "not-ready";
    case Error::Overloaded:
      return "overloaded";
    case Error::Draining:
      return "draining";
    case Error::TimedOut:
      return "timed-out";
    case Error::StorageIo:
      return "storage-io";
    case Error::StorageFull:
      return "storage-full";
    case Error::StorageCorrupt:
      return "storage-corrupt";
    case Error::StorageWiped:
      return "storage-wiped";
    case Error::ReadOnly:
      return "read-only";
    case Error::Internal:
      return "internal";
    case Error::OutOfMemory:
      return "out-of-memory";
    case Error::EngineTrap:
      return "engine-trap";
  }
  return "unknown";
}

std::optional<Error> error_from_code(uint16_t code) {
  const auto error = static_cast<Error>(code);
  if (error_name(error) == "unknown") return std::nullopt;
  return error;
}

}  // namespace topgun
