#include "core/sim/virtual_network.hpp"

#include <algorithm>
#include <bit>

#include "core/base/probe.hpp"
#include "core/sim/later_version.hpp"

namespace topgun::sim {
namespace {

constexpr uint64_t kActorKey = 0x6e65'74;
constexpr uint64_t kUsualDelayUs = 15'000;
constexpr uint64_t kJitterDelayUs = 400'000;
constexpr uint64_t kRetransmissionUs = 250'000;

/// About exponential with the given mean, in integers: the number of leading zeros of random bits
/// is geometric, the bits that follow fill the space between.
uint64_t exponential(uint64_t bits, uint64_t mean) {
  const auto zeros = static_cast<uint64_t>(std::countl_zero(bits | 1));
  const uint64_t fraction = 1024 - (bits & 1023);
  return mean * (zeros * 1024 + fraction) * 7 / (10 * 1024);
}

}  // namespace

VirtualNetwork::VirtualNetwork(Scheduler& scheduler, const Scenario& scenario, NodeEndpoint& node)
    : scheduler_(scheduler), scenario_(scenario), node_(node) {
  actor_ = scheduler_.add(*this, kActorKey);
}

/// Clients may be of another version each time they connect, the node each time it starts.
bool VirtualNetwork::is_later(const Connection& connection, Direction direction) const {
  const uint64_t rate = scenario_.rates[static_cast<size_t>(Fault::NewerPeer)];
  if (rate == 0) return false;
  const uint64_t entity = direction == ToNode
                              ? (uint64_t{connection.client} + 1) << 32 | connection.ordinal
                              : node_lives_;
  return Prng(scenario_.seed, stream_id("net.versions"), entity).at(0) % 1'000'000 < rate;
}

Bytes VirtualNetwork::as_later(const Connection& connection, Direction direction, ByteView frame) {
  ++activations_[static_cast<size_t>(Fault::NewerPeer)];
  const uint64_t entity = uint64_t{connection.client} << 48 | connection.ordinal << 24 | direction;
  const Prng draws(scenario_.seed, stream_id("net.later"), entity);
  return spoken_later(frame, draws.at(connection.ways[direction].sent), direction == ToClient);
}

uint64_t VirtualNetwork::delay_us(const Connection& connection, Direction direction,
                                  uint64_t number) {
  const uint64_t entity = uint64_t{connection.client} << 48 | connection.ordinal << 24 | direction;
  const Prng draws(scenario_.seed, stream_id("net.delay"), entity);
  uint64_t delay = 100 + exponential(draws.at(number * 4), kUsualDelayUs);
  if (is_calm_) return delay;
  if (strikes(Fault::Jitter, draws.at(number * 4 + 1)))
    delay += exponential(draws.at(number * 4 + 3), kJitterDelayUs);
  if (strikes(Fault::Loss, draws.at(number * 4 + 2))) delay += kRetransmissionUs;
  return delay;
}

bool VirtualNetwork::strikes(Fault fault, uint64_t bits) {
  const uint64_t rate = scenario_.rates[static_cast<size_t>(fault)];
  if (Prng::multiply_high(bits, 1'000'000) >= rate) return false;
  ++activations_[static_cast<size_t>(fault)];
  return true;
}

uint64_t VirtualNetwork::connect(uint32_t client, ConnectionUse use) {
  const uint64_t id = ++last_connection_;
  Connection& connection = connections_[id];
  connection.client = client;
  connection.use = use;
  connection.ordinal = ++clients_[client].connections;
  push(id, ToNode, {PacketKind::Syn, 0, 0, {}, nullptr});
  return id;
}

void VirtualNetwork::send_to_node(uint64_t id, Bytes frame) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.client_alive) return;
  if (is_later(found->second, ToNode)) frame = as_later(found->second, ToNode, frame);
  push(id, ToNode, {PacketKind::Frame, 0, 0, std::move(frame), nullptr});
}

void VirtualNetwork::send_to_client(uint64_t id, node::SharedBytes frame) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.node_alive) return;
  // An empty frame ends an answer.
  if (!frame->empty() && is_later(found->second, ToClient)) {
    frame = std::make_shared<const Bytes>(as_later(found->second, ToClient, *frame));
  }
  found->second.bytes_to_client += frame->size();
  push(id, ToClient, {PacketKind::Frame, 0, 0, {}, std::move(frame)});
}

void VirtualNetwork::close_by_client(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.client_alive) return;
  found->second.client_alive = false;
  push(id, ToNode, {PacketKind::Fin, 0, 0, {}, nullptr});
}

void VirtualNetwork::close_by_node(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.node_alive) return;
  found->second.node_alive = false;
  push(id, ToClient, {PacketKind::Fin, 0, 0, {}, nullptr});
}

void VirtualNetwork::node_died(bool with_power) {
  const bool was_later = is_later({}, ToClient);
  ++node_lives_;
  TG_SOMETIMES(is_later({}, ToClient) != was_later, NodeChangesVersion);
  std::vector<uint64_t> ids;
  for (const auto& [id, connection] : connections_) ids.push_back(id);
  for (const uint64_t id : ids) {
    Connection& connection = connections_.at(id);
    const bool was_alive = connection.node_alive;
    connection.node_alive = false;
    if (was_alive && with_power) push(id, ToClient, {PacketKind::Fin, 0, 0, {}, nullptr});
    forget_if_dead(id);
  }
}

void VirtualNetwork::push(uint64_t id, Direction direction, Packet packet) {
  Connection& connection = connections_.at(id);
  Way& way = connection.ways[direction];
  const uint64_t now_us = scheduler_.now_us();
  const uint64_t number = way.sent++;
  packet.sent_us = now_us;
  packet.arrives_us = std::max(way.last_us, now_us + delay_us(connection, direction, number));
  way.last_us = packet.arrives_us;
  way.packets.push_back(std::move(packet));
  plan(id, connection, direction);
}

bool VirtualNetwork::is_stopped(const Connection& connection, Direction direction) const {
  const Client& client = clients_[connection.client];
  return client.blocked[direction] > 0 || (direction == ToClient && client.reading_held);
}

void VirtualNetwork::plan(uint64_t id, Connection& connection, Direction direction) {
  Way& way = connection.ways[direction];
  if (way.scheduled || way.packets.empty() || is_stopped(connection, direction)) return;
  way.scheduled = true;
  scheduler_.at(way.packets.front().arrives_us, actor_, direction, id);
}

void VirtualNetwork::on_event(uint32_t kind, uint64_t argument) {
  arrive(argument, static_cast<Direction>(kind));
}

void VirtualNetwork::arrive(uint64_t id, Direction direction) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Way& way = found->second.ways[direction];
  way.scheduled = false;
  if (way.packets.empty() || is_stopped(found->second, direction)) return;
  // Whatever was planned for a packet that a fault took away comes too early for the next.
  if (way.packets.front().arrives_us > scheduler_.now_us()) {
    return plan(id, found->second, direction);
  }
  Packet packet = std::move(way.packets.front());
  way.packets.pop_front();
  plan(id, found->second, direction);
  deliver(id, direction, packet);
  forget_if_dead(id);
}

void VirtualNetwork::tell(const Connection& connection, Direction direction, const Packet& packet,
                          bool lost) {
  if (observer_ == nullptr || packet.kind != PacketKind::Frame) return;
  const Bytes& bytes = packet.shared ? *packet.shared : packet.bytes;
  observer_->on_frame(
      {connection.client, direction == ToNode, lost, packet.sent_us, scheduler_.now_us(), bytes});
}

void VirtualNetwork::deliver(uint64_t id, Direction direction, const Packet& packet) {
  const Connection& connection = connections_.at(id);
  const bool is_heard = direction == ToNode ? connection.node_alive : connection.client_alive;
  tell(connection, direction, packet, !is_heard);
  if (packet.kind == PacketKind::Frame) {
    ++frames_;
    bytes_ += direction == ToNode ? packet.bytes.size() : packet.shared->size();
  }
  if (direction == ToNode) {
    deliver_to_node(id, packet);
  } else {
    deliver_to_client(id, packet);
  }
}

void VirtualNetwork::deliver_to_node(uint64_t id, const Packet& packet) {
  Connection& connection = connections_.at(id);
  switch (packet.kind) {
    case PacketKind::Syn:
      if (!node_.accepts()) {
        push(id, ToClient, {PacketKind::Fin, 0, 0, {}, nullptr});
        return;
      }
      connection.node_alive = true;
      push(id, ToClient, {PacketKind::SynAck, 0, 0, {}, nullptr});
      node_.on_accepted(id, connection.use);
      return;
    case PacketKind::Frame:
      if (connection.node_alive) {
        node_.on_client_frame(id, packet.bytes);
      } else if (node_.accepts() && connection.client_alive && !connection.silent) {
        // Nobody knows this connection any more: it is reset.
        push(id, ToClient, {PacketKind::Fin, 0, 0, {}, nullptr});
      }
      return;
    case PacketKind::Fin:
      if (!connection.node_alive) return;
      connection.node_alive = false;
      node_.on_client_closed(id);
      return;
    case PacketKind::SynAck:
      return;
  }
}

void VirtualNetwork::deliver_to_client(uint64_t id, const Packet& packet) {
  Connection& connection = connections_.at(id);
  if (packet.kind == PacketKind::Frame) connection.bytes_to_client -= packet.shared->size();
  if (!connection.client_alive) return;
  ClientEndpoint& client = *clients_[connection.client].endpoint;
  switch (packet.kind) {
    case PacketKind::SynAck:
      return client.on_opened(id);
    case PacketKind::Frame:
      return client.on_frame(id, *packet.shared);
    case PacketKind::Fin:
      connection.client_alive = false;
      return client.on_closed(id);
    case PacketKind::Syn:
      return;
  }
}

void VirtualNetwork::forget_if_dead(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const Connection& connection = found->second;
  if (connection.client_alive || connection.node_alive) return;
  // A Syn or Fin on its way may still bring an end to life or tell it of its death.
  if (connection.ways[ToNode].packets.empty() && connection.ways[ToClient].packets.empty()) {
    connections_.erase(found);
  }
}

void VirtualNetwork::block(uint32_t client, bool to_node, bool to_client) {
  clients_[client].blocked[ToNode] += to_node ? 1 : 0;
  clients_[client].blocked[ToClient] += to_client ? 1 : 0;
}

void VirtualNetwork::unblock(uint32_t client, bool to_node, bool to_client) {
  int* const blocked = clients_[client].blocked;
  if (to_node) blocked[ToNode] = std::max(0, blocked[ToNode] - 1);
  if (to_client) blocked[ToClient] = std::max(0, blocked[ToClient] - 1);
  resume(client);
}

void VirtualNetwork::hold_reading(uint32_t client, bool held) {
  clients_[client].reading_held = held;
  resume(client);
}

void VirtualNetwork::heal(uint32_t client) {
  clients_[client].blocked[ToNode] = 0;
  clients_[client].blocked[ToClient] = 0;
  clients_[client].reading_held = false;
  resume(client);
}

void VirtualNetwork::resume(uint32_t client) {
  for (auto& [id, connection] : connections_) {
    if (connection.client != client) continue;
    plan(id, connection, ToNode);
    plan(id, connection, ToClient);
  }
}

void VirtualNetwork::cut(uint32_t client, bool client_is_told, bool node_is_told) {
  std::vector<uint64_t> ids;
  for (const auto& [id, connection] : connections_) {
    if (connection.client == client) ids.push_back(id);
  }
  for (const uint64_t id : ids) {
    Connection& connection = connections_.at(id);
    for (const Direction direction : {ToNode, ToClient}) {
      Way& way = connection.ways[direction];
      for (const Packet& packet : way.packets) tell(connection, direction, packet, true);
      way.packets.clear();
    }
    connection.bytes_to_client = 0;
    if (node_is_told && connection.node_alive) {
      connection.node_alive = false;
      node_.on_client_closed(id);
    }
    if (client_is_told && connection.client_alive) {
      connection.client_alive = false;
      clients_[client].endpoint->on_closed(id);
    }
    // An end that was not told goes on talking to nobody.
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    if (!node_is_told && found->second.node_alive) found->second.client_alive = false;
    if (!client_is_told) found->second.silent = true;
    forget_if_dead(id);
  }
}

uint64_t VirtualNetwork::queued_to_client(uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? 0 : found->second.bytes_to_client;
}

std::vector<VirtualNetwork::InFlight> VirtualNetwork::in_flight() const {
  std::vector<InFlight> frames;
  for (const auto& [id, connection] : connections_) {
    for (const Direction direction : {ToNode, ToClient}) {
      for (const Packet& packet : connection.ways[direction].packets) {
        const Bytes& bytes = packet.shared ? *packet.shared : packet.bytes;
        frames.push_back(
            {connection.client, direction == ToNode, packet.sent_us, packet.arrives_us, bytes});
      }
    }
  }
  return frames;
}

}  // namespace topgun::sim
