#pragma once

#include "tests/bench/load/load_options.hpp"

namespace topgun::bench {

/// How long it takes until a change that one client sends is there at another one: writes
/// `operations` times, one after the other, over a WebSocket, and waits for each at a reader that
/// listens as `options.reader` says. Prints one line of JSON; 0 if all went well.
int run_visibility(const LoadOptions& options);

}  // namespace topgun::bench
