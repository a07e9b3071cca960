#pragma once

#include <vector>

#include "core/base/gen.hpp"
#include "core/sync/batch.hpp"
#include "tests/support/records.hpp"

namespace topgun {

/// Valid batches of any kind of map, with values of `random_value` and numbers of all magnitudes.

/// An operation batch, and what is in it.
Bytes random_operations(Gen& gen, std::vector<OwnedOperation>& operations);

Bytes random_records(Gen& gen);

}  // namespace topgun
