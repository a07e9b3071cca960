#pragma once

#include "core/sync/batch.hpp"
#include "host-native/json/json_reader.hpp"
#include "host-native/json/json_writer.hpp"

namespace topgun::host {

/// Operation batches and record batches as members of the message that carries them (docs/http.md,
/// JSON).

/// What a batch is filled in with where a person left something out.
struct BatchDefaults {
  uint64_t replica = 0;
  uint64_t now_ms = 0;
};

/// Writes the members of an operation batch; one that cannot be decoded as `batch`, in base64url.
void write_operations_json(JsonWriter& out, ByteView batch);
void write_records_json(JsonWriter& out, ByteView batch);

/// The batch that the members say. What is wrong is reported to the problem of the members, and the
/// result is empty; the bytes of a member `batch` are not looked into.
Bytes read_operations_json(JsonMembers& members, JsonProblem& problem,
                           const BatchDefaults& defaults);
Bytes read_records_json(JsonMembers& members, JsonProblem& problem);

/// The number of `kind`: lww, or, counter.
std::string_view map_kind_name(MapKind kind);
MapKind read_map_kind(JsonMembers& members, JsonProblem& problem);

}  // namespace topgun::host
