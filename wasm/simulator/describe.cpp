#include "wasm/simulator/describe.hpp"

#include "core/base/probe.hpp"
#include "core/sim/message_name.hpp"
#include "core/sim/mutants.hpp"
#include "core/value/value.hpp"

namespace topgun::sim {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
/// Keys of the map "notes" that are drawn as cells.
constexpr uint32_t kCellsMax = 16;

std::string hex_of(const Bytes& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

const MapRef& notes() { return open_maps()[0].ref; }

/// A colour's worth of a value, never 0: that is no value.
uint64_t cell_of(ByteView value) { return (hash64(value) & 0xff'ffff) | 1; }

template <typename Find>
void describe_cells(Json& json, uint32_t keys, Find find) {
  json.key("cells").open('[');
  for (uint32_t i = 0; i < std::min(keys, kCellsMax); ++i) {
    const Bytes* const value = find("k" + std::to_string(i));
    json.number(value == nullptr ? uint64_t{0} : cell_of(*value));
  }
  json.close(']');
}

template <typename Map>
auto finder(const Map& map) {
  return [&map](const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  };
}

int64_t clock_offset_ms(const Now& now, uint64_t true_us) {
  return static_cast<int64_t>(now.wall_ms) - static_cast<int64_t>(kEpochWallMs + true_us / 1000);
}

std::string_view status_name(client::Status status) {
  switch (status) {
    case client::Status::Offline:
      return "offline";
    case client::Status::Connecting:
      return "connecting";
    case client::Status::Online:
      return "online";
    case client::Status::Closed:
      return "closed";
  }
  return "unknown";
}

void describe_client(Json& json, DeterministicSimulator& simulator, SimClient& client) {
  const uint32_t number = client.number();
  const VirtualNetwork& network = simulator.network();
  json.open('{').field("number", number).field("edge", !client.has_storage());
  json.field("absent", simulator.scenario().is_absent(number));
  json.field("core", simulator.is_core(number));
  json.field("running", client.is_running()).field("asleep", client.is_asleep());
  json.field("wants_online", client.wants_online());
  json.field("status", status_name(client.status()));
  json.field("unacked", client.unacked()).field("unstored", client.unstored());
  json.field("stored_bytes", client.stored_bytes()).field("queued_bytes", client.queued_bytes());
  json.field("quota", client.quota_exceeded());
  json.field("offset_ms", clock_offset_ms(client.now(), simulator.now_us()));
  json.field("cut_to_node", network.is_blocked(number, true));
  json.field("cut_to_client", network.is_blocked(number, false));
  json.field("reading_held", network.is_reading_held(number));
  json.field("entries", static_cast<uint64_t>(client.entries().size()));
  describe_cells(json, simulator.scenario().keys, finder(client.entries()));
  bool agrees = client.is_running() && simulator.node().is_running();
  for (const OpenMap& map : open_maps()) {
    agrees = agrees && client.model().root(map.ref) == simulator.node().model().root(map.ref);
  }
  json.field("agrees", agrees).close('}');
}

void describe_node(Json& json, DeterministicSimulator& simulator) {
  SimNode& node = simulator.node();
  json.key("node").open('{').field("running", node.is_running());
  json.field("paused", node.is_paused()).field("log_failed", node.log_has_failed());
  json.field("shards", simulator.scenario().shards).field("connections", node.connections());
  json.field("starts", node.restarts()).field("disks_replaced", node.disks_replaced());
  json.field("offset_ms", clock_offset_ms(node.now(), simulator.now_us()));
  json.field("disk_full", node.disk().is_full());
  const auto visible = node.model().visible(notes(), 0);
  json.field("entries", static_cast<uint64_t>(visible.size()));
  describe_cells(json, simulator.scenario().keys, finder(visible));
  json.key("files").open('[');
  for (const VirtualDisk::FileView& file : node.disk().files()) {
    json.open('{').field("path", file.path).field("bytes", file.bytes);
    json.field("unsynced", file.unsynced_sectors).close('}');
  }
  json.close(']').close('}');
}

/// A value for people: text as it is, records by theirs, all else by its size.
std::string text_of(ByteView value) {
  const std::string_view path[] = {"t"};
  const std::optional<ValueView> field = ValueView(value).at_path(path);
  const std::optional<std::string_view> text = field.value_or(ValueView(value)).as_text();
  return text.has_value() ? std::string(*text) : std::to_string(value.size()) + " bytes";
}

template <typename Entries, typename Name, typename Text>
void describe_map(Json& json, const char* map, const Entries& entries, Name name, Text text) {
  json.key(map).open('[');
  size_t shown = 0;
  for (const auto& [key, value] : entries) {
    if (++shown > kRecordsShown) break;
    json.open('[').string(name(key)).string(text(value)).close(']');
  }
  json.close(']');
}

/// An ack that promises durability, and one that does not, are two things to whoever watches.
std::string name_of(const MessageView& message) {
  std::string name(message_name(message.kind));
  if (message.kind != static_cast<uint8_t>(MessageKind::Ack)) return name;
  const Result<AckMessage> ack = decode_ack(message.payload);
  return ack.ok() && ack->level == AckLevel::Memory ? name + " of memory" : name;
}

/// How often each invariant was looked at, by its name; those that never were are left out.
void describe_checks(Json& json, const InvariantChecker& checker) {
  json.key("checks_by").open('{');
  for (size_t number = 1; number < kInvariantNumbers; ++number) {
    const auto invariant = static_cast<Invariant>(number);
    const uint64_t checks = checker.checks(invariant);
    if (checks != 0) json.field(invariant_name(invariant), checks);
  }
  json.close('}');
}

}  // namespace

void describe_messages(Json& json, ByteView frame) {
  json.key("messages").open('[');
  FrameReader reader(frame);
  while (const auto message = reader.next()) json.string(name_of(*message));
  json.close(']');
}

void describe_step(Json& json, const Step& step) {
  json.field("id", std::to_string(step.id)).field("kind", step_name(step.kind));
  json.field("actor", step.actor).field("fault", is_fault(step.kind));
  json.field("of_node", step.kind >= StepKind::NodeCrash);
  json.field("a", std::to_string(step.a)).field("b", std::to_string(step.b));
}

void describe_violation(Json& json, const std::optional<Violation>& violation) {
  json.key("violation");
  if (!violation.has_value()) {
    json.null();
    return;
  }
  json.open('{').field("invariant", invariant_name(violation->invariant));
  json.field("detail", violation->detail).field("at_ms", violation->at_ms).close('}');
}

void describe_scenario(Json& json, const Scenario& scenario) {
  json.open('{').field("seed", std::to_string(scenario.seed));
  json.field("shards", scenario.shards).field("clients", scenario.clients);
  json.field("edge_clients", scenario.edge_clients).field("keys", scenario.keys);
  json.field("duration_ms", scenario.duration_ms);
  json.key("absent").open('[');
  for (const uint32_t client : scenario.absent) json.number(uint64_t{client});
  json.close(']').key("rates").open('{');
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (scenario.rates[i] == 0) continue;
    json.field(fault_name(static_cast<Fault>(i)), scenario.rates[i]);
  }
  json.close('}').key("steps").open('[');
  for (const Step& step : scenario.steps) {
    json.open('{').field("at_ms", step.at_ms);
    describe_step(json, step);
    json.close('}');
  }
  json.close(']').field("scenario", hex_of(encode_scenario(scenario))).close('}');
}

void describe_world(Json& json, DeterministicSimulator& simulator) {
  json.open('{').field("now_us", simulator.now_us()).field("end_us", simulator.end_us());
  json.field("healing_us", simulator.scenario().duration_ms * 1000);
  json.field("over", simulator.is_over()).field("second_phase", simulator.is_in_second_phase());
  json.field("events", simulator.events()).field("checks", simulator.checker().checks());
  json.field("frames", simulator.network().frames()).field("bytes", simulator.network().bytes());
  describe_checks(json, simulator.checker());
  json.key("trace").hex(simulator.trace());
  describe_violation(json, simulator.violation());
  describe_node(json, simulator);
  json.key("clients").open('[');
  for (const auto& client : simulator.clients()) describe_client(json, simulator, *client);
  json.close(']').key("in_flight").open('[');
  for (const VirtualNetwork::InFlight& frame : simulator.network().in_flight()) {
    json.open('{').field("client", frame.client).field("to_node", frame.to_node);
    json.field("sent", frame.sent_us).field("arrives", frame.arrives_us);
    json.field("bytes", static_cast<uint64_t>(frame.bytes.size()));
    describe_messages(json, frame.bytes);
    json.close('}');
  }
  json.close(']').key("struck").open('{');
  const FaultRates struck = simulator.activations();
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (struck[i] != 0) json.field(fault_name(static_cast<Fault>(i)), struck[i]);
  }
  json.close('}').close('}');
}

void describe_contents(Json& json, DeterministicSimulator& simulator, uint32_t machine) {
  using RecordKey = ReferenceModel::RecordKey;
  const auto same = [](const std::string& key) { return key; };
  const auto of_record = [](const RecordKey& key) { return key.first; };
  const auto value = [](const Bytes& bytes) { return text_of(bytes); };
  const auto amount = [](int64_t number) { return std::to_string(number); };
  json.open('{');
  if (machine == kNode) {
    const ReferenceModel& model = simulator.node().model();
    describe_map(json, "notes", model.visible(notes(), 0), same, value);
    describe_map(json, "tags", model.elements(open_maps()[1].ref, 0), of_record, value);
    std::map<std::string, int64_t> counters;
    for (const auto& [key, record] : model.records(open_maps()[2].ref)) {
      counters[key.first] = model.counter(open_maps()[2].ref, key.first);
    }
    describe_map(json, "hits", counters, same, amount);
  } else {
    const SimClient& client = *simulator.clients()[machine];
    describe_map(json, "notes", client.entries(), same, value);
    describe_map(json, "tags", client.elements(), of_record, value);
    describe_map(json, "hits", client.counters(), same, amount);
  }
  json.close('}');
}

void describe_catalog(Json& json) {
  json.open('{').key("mutants").open('[');
  for (const Mutant& mutant : kMutants) {
    json.open('{').field("number", mutant.number).field("name", mutant.name);
    json.field("text", mutant.text).close('}');
  }
  json.close(']').key("faults").open('[');
  for (size_t i = 0; i < kFaultCount; ++i) json.string(fault_name(static_cast<Fault>(i)));
  json.close(']').key("marks").open('[');
  for (const probe::MarkInfo& mark : probe::kMarks) {
    json.open('{').field("name", mark.name).field("text", mark.text).close('}');
  }
  json.close(']').close('}');
}

void describe_outcome(Json& json, const Outcome& outcome) {
  json.open('{').field("seed", std::to_string(outcome.seed));
  json.key("trace").hex(outcome.trace).field("events", outcome.events);
  json.field("simulated_ms", outcome.simulated_ms).field("checks", outcome.checks);
  describe_violation(json, outcome.violation);
  json.close('}');
}

void describe_shrunk(Json& json, const Shrunk& shrunk) {
  json.open('{').field("invariant", invariant_name(shrunk.violation.invariant));
  json.field("detail", shrunk.violation.detail).field("at_ms", shrunk.violation.at_ms);
  json.field("runs", shrunk.runs).field("operations", shrunk.operations);
  json.field("clients", shrunk.clients).field("families", shrunk.families);
  json.key("scenario");
  describe_scenario(json, shrunk.scenario);
  json.close('}');
}

}  // namespace topgun::sim
