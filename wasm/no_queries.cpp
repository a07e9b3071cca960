#include "wasm/queries.hpp"

namespace topgun::wasm {

client::MakeQueries make_queries() { return nullptr; }

}  // namespace topgun::wasm
