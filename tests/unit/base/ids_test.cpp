#include "core/base/ids.hpp"

#include <doctest/doctest.h>

#include <type_traits>

namespace topgun {
namespace {

TEST_CASE("ids: operations order by their author, then by its count") {
  const ReplicaId first{1}, second{2};
  CHECK(OperationId{first, 9} < OperationId{second, 1});
  CHECK(OperationId{first, 1} < OperationId{first, 2});
  CHECK(OperationId{first, 1} == OperationId{first, 1});
}

TEST_CASE("ids: an id is not a number and not another kind of id") {
  static_assert(!std::is_convertible_v<uint64_t, ReplicaId>);
  static_assert(!std::is_convertible_v<ReplicaId, uint64_t>);
  static_assert(!std::is_constructible_v<PartitionId, ReplicaId>);
  CHECK(sizeof(ReplicaId) == sizeof(uint64_t));
}

}  // namespace
}  // namespace topgun
