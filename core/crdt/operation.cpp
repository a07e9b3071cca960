#include "core/crdt/operation.hpp"

namespace topgun {
namespace {

Result<void> check_or_remove(ByteView payload) {
  ByteReader in(payload);
  const uint64_t count = in.varint_max(kOrRemoveTagsMax);
  if (in.ok() && count == 0) return Error::Malformed;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    in.u64();
    in.varint();
  }
  if (!in.ok()) return in.error();
  if (!in.at_end()) return Error::Malformed;
  return {};
}

Result<void> check_counter_add(ByteView payload) {
  ByteReader in(payload);
  in.varint();
  in.varint();
  if (!in.ok()) return in.error();
  if (!in.at_end()) return Error::Malformed;
  return {};
}

Result<void> check_value(const Operation& operation) {
  if (operation.payload.empty()) return Error::Malformed;
  if (operation.payload.size() > kValueBytesMax) return Error::TooLarge;
  return {};
}

bool may_have_ttl(OperationKind kind) {
  return kind == OperationKind::LwwSet || kind == OperationKind::OrAdd;
}

}  // namespace

MapKind map_kind_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::LwwSet:
    case OperationKind::LwwRemove:
      return MapKind::Lww;
    case OperationKind::OrAdd:
    case OperationKind::OrRemove:
      return MapKind::Or;
    case OperationKind::CounterAdd:
      return MapKind::Counter;
  }
  return MapKind::Lww;
}

Result<void> check_operation(const Operation& operation) {
  if (operation.key.empty() || operation.sequence == 0) return Error::Malformed;
  if (operation.key.size() > kKeyBytesMax || operation.ttl_ms > kTtlMsMax) return Error::TooLarge;
  if (operation.ttl_ms != 0 && !may_have_ttl(operation.kind)) return Error::Malformed;
  switch (operation.kind) {
    case OperationKind::LwwSet:
    case OperationKind::OrAdd:
      return check_value(operation);
    case OperationKind::LwwRemove:
      if (!operation.payload.empty()) return Error::Malformed;
      return {};
    case OperationKind::OrRemove:
      return check_or_remove(operation.payload);
    case OperationKind::CounterAdd:
      return check_counter_add(operation.payload);
  }
  return Error::Malformed;
}

}  // namespace topgun
