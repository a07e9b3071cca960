#pragma once

#include <span>

#include "core/sync/messages.hpp"
#include "host-native/json/json_reader.hpp"
#include "host-native/json/json_writer.hpp"
#include "host-native/json/message_json.hpp"

namespace topgun::host {

/// How each kind of message is written and read as JSON; one row a kind.

/// What reading one message needs and gives.
struct MessageReading {
  JsonMembers& members;
  JsonProblem& problem;
  const JsonDefaults& defaults;
  /// The author of batches that name none.
  uint64_t& replica;
  /// Place in the frame, from 0.
  uint64_t index;
  MessageWriter& to;
};

struct MessageForm {
  MessageKind kind;
  std::string_view name;
  /// Writes the members; false, with nothing written, if the payload cannot be decoded.
  bool (*write)(JsonWriter& out, ByteView payload);
  /// Appends the message to the frame, unless it reports a problem.
  void (*read)(MessageReading& in);
};

std::span<const MessageForm> message_forms();

}  // namespace topgun::host
