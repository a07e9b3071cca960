#pragma once

#include "core/client/query_port.hpp"

namespace topgun::wasm {

/// What makes the queries of the module's engines; null in a module without them.
client::MakeQueries make_queries();

}  // namespace topgun::wasm
