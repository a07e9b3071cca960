#include "core/sim/message_name.hpp"

#include "core/sync/messages.hpp"

namespace topgun::sim {

std::string_view message_name(uint8_t kind) {
  switch (static_cast<MessageKind>(kind)) {
    case MessageKind::Hello:
      return "hello";
    case MessageKind::Operations:
      return "operations";
    case MessageKind::Subscribe:
      return "subscribe";
    case MessageKind::Unsubscribe:
      return "unsubscribe";
    case MessageKind::Diff:
      return "diff";
    case MessageKind::Records:
      return "records";
    case MessageKind::Ping:
      return "ping";
    case MessageKind::Pong:
      return "pong";
    case MessageKind::Credit:
      return "credit";
    case MessageKind::Authenticate:
      return "authenticate";
    case MessageKind::Welcome:
      return "welcome";
    case MessageKind::Ack:
      return "ack";
    case MessageKind::Reject:
      return "reject";
    case MessageKind::Subscribed:
      return "subscribed";
    case MessageKind::Changes:
      return "changes";
    case MessageKind::Synced:
      return "synced";
    case MessageKind::Error:
      return "error";
    case MessageKind::Exchange:
      return "exchange";
    case MessageKind::More:
      return "more";
    case MessageKind::Cloned:
      return "cloned";
    case MessageKind::Resume:
      return "resume";
    case MessageKind::Query:
      return "query";
    case MessageKind::EndQuery:
      return "end query";
    case MessageKind::Answer:
      return "answer";
    case MessageKind::Steps:
      return "steps";
    case MessageKind::QueryFailed:
      return "query failed";
  }
  return "unknown";
}

}  // namespace topgun::sim
