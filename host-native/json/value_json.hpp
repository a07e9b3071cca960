#pragma once

#include <boost/json.hpp>

#include "core/value/value.hpp"
#include "host-native/json/json_reader.hpp"
#include "host-native/json/json_writer.hpp"

namespace topgun::host {

/// Stored values as JSON (docs/http.md, JSON). What JSON can say is said plainly; the rest is an
/// object with one member whose name begins with `$`.

/// Writes `value`, whose bytes are valid. A value that is not in canonical form is carried as
/// bytes, so that it comes back as it was.
void write_value_json(JsonWriter& out, ValueView value);

/// Appends the value that `json` stands for, in canonical form. Reports what is none.
void read_value_json(const boost::json::value& json, JsonProblem& problem, Bytes& out);

}  // namespace topgun::host
