#include "tests/sim/json_lines.hpp"

#include <cinttypes>
#include <cstdio>

#include "core/sim/message_name.hpp"
#include "core/sync/messages.hpp"

namespace topgun::sim {
namespace {

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

void print_step(const char* event, const Step& step, uint64_t at_us) {
  std::printf("{\"event\":\"%s\",\"t\":%" PRIu64 ",\"id\":\"%" PRIu64
              "\",\"kind\":\"%s\",\"actor\":%u,\"fault\":%s,\"of_node\":%s,\"a\":\"%" PRIu64
              "\",\"b\":\"%" PRIu64 "\"}\n",
              event, at_us, step.id, std::string(step_name(step.kind)).c_str(), step.actor,
              is_fault(step.kind) ? "true" : "false",
              step.kind >= StepKind::NodeCrash ? "true" : "false", step.a, step.b);
}

}  // namespace

std::string json_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c < ' ' ? ' ' : c;
  }
  return quoted + "\"";
}

void print_violation(const char* event, uint64_t seed, const Violation& violation) {
  std::printf("{\"event\":\"%s\",\"seed\":%" PRIu64 ",\"invariant\":\"%s\",\"at_ms\":%" PRIu64
              ",\"detail\":%s}\n",
              event, seed, invariant_name(violation.invariant).c_str(), violation.at_ms,
              json_text(violation.detail).c_str());
}

void print_shrunk(const Shrunk& shrunk) {
  std::printf("{\"event\":\"shrunk\",\"seed\":%" PRIu64 ",\"invariant\":\"%s\",\"runs\":%" PRIu64
              ",\"operations\":%u,\"clients\":%u,\"families\":%u,\"detail\":%s,\"scenario\":\"%s\","
              "\"steps\":[",
              shrunk.scenario.seed, invariant_name(shrunk.violation.invariant).c_str(), shrunk.runs,
              shrunk.operations, shrunk.clients, shrunk.families,
              json_text(shrunk.violation.detail).c_str(),
              hex(encode_scenario(shrunk.scenario)).c_str());
  bool first = true;
  for (const Step& step : shrunk.scenario.steps) {
    std::printf("%s[%" PRIu64 ",\"%s\",%u,\"%" PRIu64 "\",\"%" PRIu64 "\"]", first ? "" : ",",
                step.at_ms, std::string(step_name(step.kind)).c_str(), step.actor, step.a, step.b);
    first = false;
  }
  std::printf("],\"rates\":{");
  first = true;
  for (size_t i = 0; i < kFaultCount; ++i) {
    if (shrunk.scenario.rates[i] == 0) continue;
    std::printf("%s\"%s\":%u", first ? "" : ",",
                std::string(fault_name(static_cast<Fault>(i))).c_str(), shrunk.scenario.rates[i]);
    first = false;
  }
  std::printf("}}\n");
}

void TraceLines::on_frame(const ObservedFrame& frame) {
  std::printf("{\"event\":\"frame\",\"t\":%" PRIu64 ",\"sent\":%" PRIu64
              ",\"client\":%u,\"to_node\":%s,\"lost\":%s,\"bytes\":%zu,\"messages\":[",
              frame.ended_us, frame.sent_us, frame.client, frame.to_node ? "true" : "false",
              frame.lost ? "true" : "false", frame.bytes.size());
  FrameReader reader(frame.bytes);
  bool first = true;
  while (const auto message = reader.next()) {
    std::printf("%s\"%s\"", first ? "" : ",", std::string(message_name(message->kind)).c_str());
    first = false;
  }
  std::printf("]}\n");
}

void TraceLines::on_step(const Step& step, uint64_t at_us) { print_step("step", step, at_us); }

void TraceLines::on_step_end(const Step& step, uint64_t at_us) {
  print_step("step_end", step, at_us);
}

void TraceLines::on_healing(uint64_t at_us) {
  std::printf("{\"event\":\"healing\",\"t\":%" PRIu64 "}\n", at_us);
}

void TraceLines::on_durable(uint16_t shard, uint64_t sequence, uint64_t at_us) {
  std::printf("{\"event\":\"durable\",\"t\":%" PRIu64 ",\"shard\":%u,\"sequence\":%" PRIu64 "}\n",
              at_us, shard, sequence);
}

}  // namespace topgun::sim
