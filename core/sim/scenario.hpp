#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace topgun::sim {

/// How much of the world a run simulates.
enum class Profile : uint8_t {
  Lite = 1,      ///< One shard, three clients, a minute: many seeds a second.
  Standard = 2,  ///< Three shards, twenty clients and two edge clients, ten minutes.
  Full = 3,      ///< Like standard, longer and with more of everything.
};

/// What can go wrong. Each seed turns some families on (swarm testing: Groce et al., ISSTA 2012)
/// and draws how often each strikes; when a run is made smaller, whole families are tried first.
/// The numbers are stored in repros.
enum class Fault : uint8_t {
  Jitter = 0,           ///< Frames take long, and each another time.
  Loss = 1,             ///< Segments are lost; what is behind them waits for the retransmission.
  Reset = 2,            ///< Connections break, with frames in flight.
  HalfOpen = 3,         ///< Connections break and one side is not told.
  Partition = 4,        ///< Nothing passes between a client and the node for a while.
  OneWay = 5,           ///< Nothing passes in one direction.
  SlowReader = 6,       ///< A client does not read what the node sends.
  Offline = 7,          ///< The application goes offline and comes back.
  TabKill = 8,          ///< A client dies; what it had not stored is gone.
  TabSleep = 9,         ///< A client's timers and clock stand still.
  Quota = 10,           ///< A client's storage is full for a while.
  Wipe = 11,            ///< A client's storage is emptied.
  Clone = 12,           ///< A client's storage is copied to a second client.
  RowDamage = 13,       ///< A stored row of a client changes.
  Skew = 14,            ///< A client's calendar clock is off by up to hours.
  Drift = 15,           ///< A client's clocks run fast or slow.
  ClockStep = 16,       ///< A client's calendar clock is set forwards or backwards.
  NodeCrash = 17,       ///< The node's process dies.
  NodePower = 18,       ///< The node's machine loses power.
  NodePause = 19,       ///< The node does nothing for a while.
  NodeClock = 20,       ///< The node's calendar clock is set forwards or backwards.
  DiskSlow = 21,        ///< The node's disk takes long.
  DiskWrite = 22,       ///< Writes fail.
  DiskSync = 23,        ///< fsync fails, and forgets what it should have written.
  DiskFull = 24,        ///< No room for a while.
  DiskRead = 25,        ///< Sectors cannot be read at recovery.
  DiskRot = 26,         ///< Stored bits flip.
  Starve = 27,          ///< A shard gets little time.
  LostAnswer = 28,      ///< The answer to a request does not arrive.
  DoubledRequest = 29,  ///< A request arrives twice, the second time perhaps much later.
  DiskHang = 30,        ///< The node's disk does nothing for a while; the node goes on.
  NewerPeer = 31,       ///< Clients or the node speak as later versions will.
  Freeze = 32,       ///< An instance at the edge stands still, perhaps in the middle of a request.
  InstanceEnd = 33,  ///< It ends without a word; another one begins with what was kept of it.
};
inline constexpr size_t kFaultCount = 34;

/// Stable name, as in reports and in `--only`.
std::string_view fault_name(Fault fault);

/// Rates in parts of a million: strikes per message, per disk operation, or per simulated minute
/// and actor, whichever the family is about; 0 = off.
using FaultRates = std::array<uint32_t, kFaultCount>;

/// What carries the messages of clients.
enum class Transports : uint8_t {
  Streams = 0,    ///< Connections.
  Exchanges = 1,  ///< Requests that stand for themselves.
  ByClient = 2,   ///< Each client has its own kind.
  AtRandom = 3,   ///< Each time a client connects, it is another kind.
};

/// What an actor does or suffers. The numbers are stored in repros.
enum class StepKind : uint8_t {
  // What applications do. `a` selects the key, `b` is the write's number or an amount; of entries,
  // what is above `kWriteBits` draws the fields of the value, 0 for plain text.
  Set = 1,
  SetTtl = 2,
  Remove = 3,
  OrAdd = 4,
  OrRemove = 5,
  CounterAdd = 6,
  Unfollow = 7,  ///< Closes map `a` and opens it again later.
  // Questions to the map "notes" (`SimClientQueries`). `a` draws what, bits of `b` how; the lowest
  // is 1 if a write goes with it in one turn.
  Query = 8,
  SubscribeQuery = 9,
  UnsubscribeQuery = 10,
  ToggleIndex = 11,
  ToggleView = 12,
  // Questions that the node answers (`SimNodeQuestions`). `a` draws what; the lowest two bits of
  // `b` are 0 to ask once, the next is 1 to ask its views (`kAsksViews`).
  AskNode = 13,
  EndAskNode = 14,
  // What befalls clients. `b` is a duration in ms, 0 for a moment.
  Cut = 20,
  HalfOpen = 21,   ///< `a`: 0 the node is not told, 1 the client is not.
  Partition = 22,  ///< `a`: 0 both directions, 1 to the node, 2 to the client.
  SlowReader = 23,
  Offline = 24,
  TabKill = 25,
  TabSleep = 26,
  Quota = 27,
  Wipe = 28,
  Clone = 29,  ///< `a`: the client that receives the copy.
  RowDamage = 30,
  ClockStep = 31,    ///< `a`: by how many ms, zigzag.
  Freeze = 32,       ///< `a`: how (`SimClient::freeze`).
  InstanceEnd = 33,  ///< `a`: how, and what the next instance begins with.
  // What befalls the node.
  NodeCrash = 40,
  NodePower = 41,
  NodePause = 42,
  NodeClockStep = 43,
  DiskFull = 44,
  DiskHang = 45,
};

/// Of `b` of a step that writes an entry.
inline constexpr int kWriteBits = 24;
inline constexpr uint64_t kWriteMask = (uint64_t{1} << kWriteBits) - 1;

/// Of `b` of a step that asks the node.
inline constexpr uint64_t kAsksViews = 4;

/// One thing that happens at a given time. `id` keys the draws that belong to it, so that dropping
/// other steps leaves it as it was.
struct Step {
  uint64_t id = 0;
  uint64_t at_ms = 0;
  StepKind kind = StepKind::Set;
  uint32_t actor = 0;  ///< The client; 0 for steps of the node.
  uint64_t a = 0;
  uint64_t b = 0;
};

/// Whether the step is something that goes wrong, and which family it belongs to.
bool is_fault(StepKind kind);
bool is_about_queries(StepKind kind);
/// Whether the family strikes by steps of the scenario, or by its rate as things happen.
bool is_struck_by_steps(Fault fault);
Fault family_of(const Step& step);
std::string_view step_name(StepKind kind);

/// Everything that decides a run: the same scenario on the same build gives the same trace. Made
/// from a seed by `make_scenario`, made smaller by the shrinker.
struct Scenario {
  uint64_t seed = 0;
  Profile profile = Profile::Lite;
  uint32_t shards = 1;
  uint32_t clients = 3;       ///< With storage; numbers 0 to clients - 1.
  uint32_t edge_clients = 0;  ///< Without; the numbers after that.
  uint32_t keys = 8;
  uint64_t duration_ms = 60'000;  ///< Of the first phase.
  FaultRates rates = {};

  // Knobs: limits and sizes of the product, drawn so that rare paths become common.
  uint64_t retention_ms = 30ull * 24 * 3600 * 1000;
  uint64_t credit_bytes = 1u << 20;
  uint64_t checkpoint_interval_ms = 5'000;
  uint64_t segment_bytes = 1u << 20;
  uint64_t in_flight_max = 65'536;
  uint64_t value_bytes = 8;  ///< Longest padding of values.
  Transports transports = Transports::Streams;
  uint64_t changes_max = 65'536;
  uint64_t exchange_timeout_ms = 15'000;

  std::vector<Step> steps;  ///< Ascending by time.
  /// Clients that are left out. The others keep their numbers, which key their draws.
  std::vector<uint32_t> absent;

  uint32_t all_clients() const { return clients + edge_clients; }
  uint32_t present_clients() const { return all_clients() - static_cast<uint32_t>(absent.size()); }
  bool is_absent(uint32_t client) const;
  /// Whether the application of this client asks questions; the engines of others cannot.
  bool asks(uint32_t client) const;
  /// Whether anybody asks the node.
  bool asks_node() const;
  /// Whether anybody asks it for its views; others have none.
  bool has_node_views() const;
};

/// Expands a seed. Half of the fault families are off in each, 5 % of seeds have no faults at all,
/// 5 % have one family at its maximum.
Scenario make_scenario(uint64_t seed, Profile profile);

/// The scenario as bytes, and back: `Malformed` and the codes of `ByteReader`, `TooLarge` for
/// numbers beyond what a simulation can hold.
Bytes encode_scenario(const Scenario& scenario);
Result<Scenario> decode_scenario(ByteView bytes);

}  // namespace topgun::sim
