#pragma once

#include "core/sync/diff_message.hpp"
#include "host-native/json/json_reader.hpp"
#include "host-native/json/json_writer.hpp"

namespace topgun::host {

/// Writes the members of a Diff (docs/protocol.md, Diff): regions as their depth and their bits.
void write_diff_json(JsonWriter& out, const DiffMessage& diff);

/// Reads them. Order and counts are checked by whoever decodes the frame; what could not even be
/// written is reported to `problem`.
DiffMessage read_diff_json(JsonMembers& members, JsonProblem& problem);

}  // namespace topgun::host
