#pragma once

#include "host-native/json/message_forms.hpp"

namespace topgun::host {

/// The messages of queries as JSON. Queries and answers themselves are bytes in it.
std::span<const MessageForm> query_forms();

}  // namespace topgun::host
