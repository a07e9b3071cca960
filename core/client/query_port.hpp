#pragma once

#include <memory>

#include "core/base/byte_io.hpp"
#include "core/client/engine_codes.hpp"
#include "core/client/event_queue.hpp"
#include "core/clock/now.hpp"

namespace topgun::client {

class ClientReplica;

/// Where queries join a client engine: the layers of queries lie above this one, and an engine that
/// was made without them is half the size. All queries of one engine.
class QueryPort {
 public:
  virtual ~QueryPort() = default;

  /// Executes a command from `Query` to `ForgetRows`; what it answers goes to `out`.
  /// `now` is corrected, and what has expired by now was reported.
  virtual Result<void> execute(Command command, ByteReader& in, ByteWriter& out, Now now) = 0;

  /// The turn has ended: reports what it changed in the answers of live queries.
  virtual void end_turn() = 0;

  /// True if there is work that was put off, for another turn soon.
  virtual bool has_work() const = 0;
};

/// Makes the queries of an engine; borrows what it is given, which lives as long as the port.
using MakeQueries = std::unique_ptr<QueryPort> (*)(ClientReplica& replica, EventQueue& events);

}  // namespace topgun::client
