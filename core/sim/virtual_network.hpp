#pragma once

#include <deque>
#include <map>
#include <vector>

#include "core/node/effects.hpp"
#include "core/sim/observer.hpp"
#include "core/sim/scenario.hpp"
#include "core/sim/scheduler.hpp"

namespace topgun::sim {

/// What a connection is opened for.
enum class ConnectionUse : uint8_t {
  Stream,    ///< Frames both ways, for as long as it lives.
  Exchange,  ///< One frame to the node, and the frames of the answer.
};

/// Who uses the network at the client's end. Calls name the connection they are about; one that the
/// client has given up is not heard of again.
class ClientEndpoint {
 public:
  virtual ~ClientEndpoint() = default;
  virtual void on_opened(uint64_t connection) = 0;
  virtual void on_frame(uint64_t connection, const Bytes& frame) = 0;
  virtual void on_closed(uint64_t connection) = 0;
};

/// Who uses it at the node's end.
class NodeEndpoint {
 public:
  virtual ~NodeEndpoint() = default;
  /// Whether someone listens there.
  virtual bool accepts() const = 0;
  virtual void on_accepted(uint64_t connection, ConnectionUse use) = 0;
  virtual void on_client_frame(uint64_t connection, const Bytes& frame) = 0;
  virtual void on_client_closed(uint64_t connection) = 0;
};

/// The network between clients and a node, as TCP shows it to programs: ordered frames that arrive
/// late, in another rhythm, or not at all because the connection is gone; partitions that stop one
/// or both directions; ends that are not told that the other is gone. Frames are never changed,
/// doubled or reordered within a connection; that TCP and TLS see to.
///
/// Every delay is drawn by (client, number of its connection, direction, number of the frame).
class VirtualNetwork final : public Actor {
 public:
  VirtualNetwork(Scheduler& scheduler, const Scenario& scenario, NodeEndpoint& node);

  void add_client(ClientEndpoint& endpoint) { clients_.push_back({&endpoint, {}, 0, false}); }

  // --- for clients ---

  /// Starts to connect; the answer comes later, or never.
  uint64_t connect(uint32_t client, ConnectionUse use = ConnectionUse::Stream);
  void send_to_node(uint64_t connection, Bytes frame);
  void close_by_client(uint64_t connection);

  // --- for the node ---

  void send_to_client(uint64_t connection, node::SharedBytes frame);
  void close_by_node(uint64_t connection);
  /// The node's process died: the kernel tells the peers, or, without power, nobody does.
  void node_died(bool with_power);

  // --- faults ---

  /// Stops traffic of a client to the node, from it, or both; the spans may overlap.
  void block(uint32_t client, bool to_node, bool to_client);
  void unblock(uint32_t client, bool to_node, bool to_client);
  /// While held, the client takes nothing from the network.
  void hold_reading(uint32_t client, bool held);
  /// The client's connection breaks; frames in flight are lost.
  void cut(uint32_t client, bool client_is_told, bool node_is_told);
  /// From now on frames arrive as on a good day.
  void set_calm() { is_calm_ = true; }
  bool is_calm() const { return is_calm_; }
  /// Whether a family that strikes by message does so, for random bits of the caller's own.
  bool strikes(Fault fault, uint64_t bits);
  /// Blocks and holds of this client end.
  void heal(uint32_t client);

  // --- what can be seen ---

  uint64_t frames() const { return frames_; }
  uint64_t bytes() const { return bytes_; }
  /// Bytes on their way to the client of this connection.
  uint64_t queued_to_client(uint64_t connection) const;
  bool is_blocked(uint32_t client, bool to_node) const {
    return clients_[client].blocked[to_node ? 0 : 1] > 0;
  }
  bool is_reading_held(uint32_t client) const { return clients_[client].reading_held; }
  /// From now on `observer`, which is borrowed, hears of every frame; null ends it.
  void observe(Observer* observer) { observer_ = observer; }
  const FaultRates& activations() const { return activations_; }

  /// One frame on its way, for pictures; empty while a connection is opened or closed. Borrowed.
  struct InFlight {
    uint32_t client;
    bool to_node;
    uint64_t sent_us;
    uint64_t arrives_us;
    ByteView bytes;
  };
  std::vector<InFlight> in_flight() const;

  void on_event(uint32_t kind, uint64_t argument) override;

 private:
  enum Direction : uint8_t { ToNode = 0, ToClient = 1 };
  enum class PacketKind : uint8_t { Syn, SynAck, Frame, Fin };
  struct Packet {
    PacketKind kind;
    uint64_t sent_us;
    uint64_t arrives_us;
    Bytes bytes;
    node::SharedBytes shared;
  };
  struct Way {
    std::deque<Packet> packets;
    uint64_t last_us = 0;  ///< Nothing arrives before what was sent earlier.
    uint64_t sent = 0;
    bool scheduled = false;
  };
  struct Connection {
    uint32_t client;
    uint64_t ordinal;
    ConnectionUse use = ConnectionUse::Stream;
    bool client_alive = true;
    bool node_alive = false;
    bool silent = false;  ///< What the client sends is swallowed without an answer.
    Way ways[2];
    uint64_t bytes_to_client = 0;
  };
  struct Client {
    ClientEndpoint* endpoint;
    int blocked[2];
    uint64_t connections;
    bool reading_held;
  };

  /// Whether the sender is of a later version than this build.
  bool is_later(const Connection& connection, Direction direction) const;
  Bytes as_later(const Connection& connection, Direction direction, ByteView frame);
  uint64_t delay_us(const Connection& connection, Direction direction, uint64_t number);
  void push(uint64_t id, Direction direction, Packet packet);
  void plan(uint64_t id, Connection& connection, Direction direction);
  void tell(const Connection& connection, Direction direction, const Packet& packet, bool lost);
  bool is_stopped(const Connection& connection, Direction direction) const;
  void arrive(uint64_t id, Direction direction);
  void deliver(uint64_t id, Direction direction, const Packet& packet);
  void deliver_to_node(uint64_t id, const Packet& packet);
  void deliver_to_client(uint64_t id, const Packet& packet);
  void resume(uint32_t client);
  void forget_if_dead(uint64_t id);

  Scheduler& scheduler_;
  const Scenario& scenario_;
  NodeEndpoint& node_;
  Scheduler::ActorId actor_;
  std::vector<Client> clients_;
  std::map<uint64_t, Connection> connections_;
  uint64_t last_connection_ = 0;
  uint64_t frames_ = 0;
  uint64_t bytes_ = 0;
  uint64_t node_lives_ = 1;
  bool is_calm_ = false;
  Observer* observer_ = nullptr;
  FaultRates activations_ = {};
};

}  // namespace topgun::sim
