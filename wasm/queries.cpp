#include "wasm/queries.hpp"

#include "core/dataflow/client_queries.hpp"

namespace topgun::wasm {

client::MakeQueries make_queries() { return &dataflow::ClientQueries::make; }

}  // namespace topgun::wasm
