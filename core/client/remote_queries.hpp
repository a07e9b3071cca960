#pragma once

#include <map>
#include <string>

#include "core/client/event_queue.hpp"
#include "core/sync/messages.hpp"

namespace topgun::client {

/// The queries that the node answers for this client (docs/protocol.md, Queries), and what has come
/// of them on the present connection. Reads neither queries nor answers: those are the business of
/// whoever asks and of the node.
class RemoteQueries {
 public:
  static constexpr size_t kQueriesMax = 1024;

  explicit RemoteQueries(EventQueue& events) : events_(events) {}

  /// Remembers a query to be asked. `InvalidArgument` for a number in use or a map without a name,
  /// `TooLarge`, `LimitExceeded`.
  Result<void> add(uint64_t number, bool live, ByteView map, ByteView query);
  /// Forgets it. True if the node has to be told so.
  bool remove(uint64_t number);

  bool empty() const { return queries_.empty(); }
  /// Nothing of what was asked is under way any more; answers that came are still known.
  void detach();

  /// Appends the queries that were not asked on this connection.
  void put_unasked(Bytes& frame);
  /// Appends all queries, for a request that stands for itself.
  void put_all(Bytes& frame);
  bool has_unasked() const;

  Result<void> on_answer(ByteView payload);
  Result<void> on_steps(ByteView payload);
  Result<void> on_failed(ByteView payload);
  /// The node passed over a message that it does not know. The only ones it need not know are those
  /// of queries, so it answers none: all that are under way fail.
  void on_unknown_message();

 private:
  struct Entry {
    bool live = false;
    bool asked = false;
    bool answered = false;  ///< Since it was asked.
    /// What the node calls the answer we have; 0 = none, or it has changed since.
    uint64_t known = 0;
    std::string map;
    Bytes query;
    bool gathers = false;
    Bytes gathered;  ///< Parts of an answer whose last part has not come.
  };

  void put(MessageWriter& out, uint64_t number, Entry& entry);
  void fail(uint64_t number, uint16_t error, ByteView detail);

  EventQueue& events_;
  std::map<uint64_t, Entry> queries_;
};

}  // namespace topgun::client
