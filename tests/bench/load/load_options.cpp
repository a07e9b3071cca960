#include "tests/bench/load/load_options.hpp"

#include <cstdlib>

namespace topgun::bench {

namespace {

bool read_number(const std::string& text, double lowest, double highest, double& number) {
  char* end = nullptr;
  number = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && number >= lowest && number <= highest;
}

/// Whether `name` is known and `value` fits it.
bool apply(LoadOptions& options, const std::string& name, const std::string& value) {
  if (name == "--map") options.map = value;
  if (name == "--token") options.token = value;
  if (name == "--map" || name == "--token") return true;
  if (name == "--transport") {
    options.http = value == "http";
    return value == "http" || value == "websocket";
  }
  if (name == "--visibility") {
    options.reader = value;
    return value == "websocket" || value == "long-poll" || value == "stream";
  }
  if (name == "--level") {
    options.level = value == "local" ? AckLevel::Local : AckLevel::Memory;
    return value == "local" || value == "memory";
  }

  struct Number {
    const char* name;
    double lowest, highest;
    void (*set)(LoadOptions&, double);
  };
  static constexpr Number kNumbers[] = {
      {"--port", 1, 65535, [](LoadOptions& o, double v) { o.port = static_cast<uint16_t>(v); }},
      {"--connections", 1, 100'000,
       [](LoadOptions& o, double v) { o.connections = static_cast<uint32_t>(v); }},
      {"--batch", 1, 4096, [](LoadOptions& o, double v) { o.batch = static_cast<uint32_t>(v); }},
      {"--inflight", 1, 65536,
       [](LoadOptions& o, double v) { o.inflight = static_cast<uint32_t>(v); }},
      {"--value-bytes", 1, 500'000,
       [](LoadOptions& o, double v) { o.value_bytes = static_cast<uint32_t>(v); }},
      {"--keys", 1, 1e9, [](LoadOptions& o, double v) { o.keys = static_cast<uint32_t>(v); }},
      {"--operations", 1, 1e15,
       [](LoadOptions& o, double v) { o.operations = static_cast<uint64_t>(v); }},
      {"--seconds", 0.01, 1e6, [](LoadOptions& o, double v) { o.seconds = v; }},
      {"--warmup-seconds", 0, 1e6, [](LoadOptions& o, double v) { o.warmup_seconds = v; }},
      {"--server-pid", 1, 1e9,
       [](LoadOptions& o, double v) { o.server_pid = static_cast<int>(v); }},
  };
  for (const Number& number : kNumbers) {
    double parsed = 0;
    if (name != number.name) continue;
    if (!read_number(value, number.lowest, number.highest, parsed)) return false;
    number.set(options, parsed);
    return true;
  }
  return false;
}

}  // namespace

LoadOptionsOutcome read_load_options(const std::vector<std::string>& arguments) {
  LoadOptionsOutcome outcome;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--idle") {
      outcome.options.idle = true;
      continue;
    }
    const bool last = i + 1 == arguments.size();
    if (last || !apply(outcome.options, arguments[i], arguments[i + 1])) {
      outcome.error = "cannot use '" + arguments[i] + (last ? "'" : " " + arguments[i + 1] + "'");
      return outcome;
    }
    ++i;
  }
  return outcome;
}

}  // namespace topgun::bench
