#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/node/shard.hpp"

namespace topgun::host {

/// Reads views, each written as a JSON object (docs/guides/live-views.md, On the server), and
/// checks them as `dataflow::check_views` does. Returns what is wrong with the first that is; empty
/// if nothing is.
std::string parse_views(std::span<const std::string> texts, std::vector<node::NodeView>& views);

}  // namespace topgun::host
