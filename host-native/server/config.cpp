#include "host-native/server/config.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>

#include "core/crdt/record.hpp"

namespace topgun::host {

namespace {

/// An empty text means that the value was fine.
using Problem = std::string;
using Apply = std::function<Problem(ServerConfig& config, const std::string& value)>;

enum class Takes : uint8_t { Value, Values, OptionalValue };

struct Option {
  std::string name;
  std::string placeholder;
  std::string help;
  Takes takes;
  Apply apply;
};

template <typename T>
Problem parse_number(const std::string& text, T lowest, T highest, T& number) {
  uint64_t parsed = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, parsed);
  if (result.ec != std::errc() || result.ptr != end || parsed < lowest || parsed > highest) {
    return "expected a number from " + std::to_string(lowest) + " to " + std::to_string(highest);
  }
  number = static_cast<T>(parsed);
  return {};
}

template <typename T>
Apply number(std::function<T&(ServerConfig&)> field, T lowest, T highest) {
  return [=](ServerConfig& config, const std::string& value) {
    return parse_number<T>(value, lowest, highest, field(config));
  };
}

Apply text(std::string ServerConfig::*field) {
  return [field](ServerConfig& config, const std::string& value) -> Problem {
    if (value.empty()) return "must not be empty";
    config.*field = value;
    return {};
  };
}

Problem apply_boolean(const std::string& value, const std::function<void()>& set) {
  if (value.empty() || value == "true" || value == "1") {
    set();
    return {};
  }
  return value == "false" || value == "0" ? Problem() : Problem("expected true or false");
}

Problem apply_auth(ServerConfig& config, const std::string& value) {
  if (value == "force") {
    config.auth = AuthMode::OffForced;
    return {};
  }
  return apply_boolean(value, [&config] { config.auth = AuthMode::Off; });
}

Problem apply_static(ServerConfig& config, const std::string& value) {
  StaticMount mount{"/", value};
  const size_t equals = value.find('=');
  if (value.starts_with("/") && equals != std::string::npos) {
    mount = {value.substr(0, equals), value.substr(equals + 1)};
    if (!mount.prefix.ends_with("/")) mount.prefix += '/';
  }
  if (mount.directory.empty()) return "expected DIR or /PREFIX=DIR";
  config.mounts.push_back(std::move(mount));
  return {};
}

Problem apply_jwt_key(ServerConfig& config, const std::string& value) {
  const size_t first = value.find(':');
  const size_t second = first == std::string::npos ? first : value.find(':', first + 1);
  if (second == std::string::npos) return "expected KEYID:ALGORITHM:PATH";
  JwtKeyConfig key{value.substr(0, first), value.substr(first + 1, second - first - 1),
                   value.substr(second + 1)};
  const std::string_view known[] = {"HS256", "RS256", "ES256", "EdDSA"};
  if (std::find(std::begin(known), std::end(known), key.algorithm) == std::end(known)) {
    return "the algorithm must be HS256, RS256, ES256 or EdDSA";
  }
  if (key.path.empty()) return "expected KEYID:ALGORITHM:PATH";
  config.jwt_keys.push_back(std::move(key));
  return {};
}

Problem apply_log_level(ServerConfig& config, const std::string& value) {
  const auto level = log_level_from(value);
  if (!level) return "expected debug, info, warn, error or off";
  config.log_level = *level;
  return {};
}

Problem append_to(std::vector<std::string>& list, const std::string& value) {
  if (value.empty()) return "must not be empty";
  list.push_back(value);
  return {};
}

template <typename T>
Option limit(std::string name, std::string help, T node::ShardLimits::*field, T lowest, T highest) {
  const T preset = node::ShardLimits().*field;
  return {std::move(name), "N", std::move(help) + " [" + std::to_string(preset) + "]", Takes::Value,
          number<T>([field](ServerConfig& c) -> T& { return c.limits.*field; }, lowest, highest)};
}

Option net_limit(std::string name, std::string help, uint32_t NetLimits::*field, uint32_t lowest,
                 uint32_t highest) {
  const uint32_t preset = NetLimits().*field;
  return {std::move(name), "N", std::move(help) + " [" + std::to_string(preset) + "]", Takes::Value,
          number<uint32_t>([field](ServerConfig& c) -> uint32_t& { return c.net.*field; }, lowest,
                           highest)};
}

constexpr uint64_t kHourMs = 3'600'000;
constexpr uint64_t kYearMs = 366 * 24 * kHourMs;
constexpr uint32_t kAny = 0xffffffff;
/// The longest value with its key, behind a batch of a client that was almost full and what opens a
/// request: whoever takes less can never be sent some values, nor what was written after them.
constexpr uint32_t kFrameBytesMaxLowest = 768 << 10;
static_assert(kFrameBytesMaxLowest > kValueBytesMax + kKeyBytesMax + (128 << 10));

std::vector<Option> make_options() {
  using L = node::ShardLimits;
  return {
      {"host", "ADDRESS", "address to listen on [127.0.0.1]", Takes::Value,
       text(&ServerConfig::host)},
      {"port", "PORT", "port to listen on; 0 picks a free one [8080]", Takes::Value,
       number<uint16_t>([](ServerConfig& c) -> uint16_t& { return c.port; }, 0, 65535)},
      {"data", "DIR", "keep everything in this directory", Takes::Value,
       [](ServerConfig& c, const std::string& value) -> Problem {
         if (value.empty()) return "must not be empty";
         c.data_directory = value;
         return {};
       }},
      {"memory", "", "keep nothing: data ends with the process", Takes::OptionalValue, nullptr},
      {"shards", "N", "threads that serve; 0 means one a processor [0]", Takes::Value,
       number<uint16_t>([](ServerConfig& c) -> uint16_t& { return c.shards; }, 0, 256)},
      {"static", "DIR", "serve files; /PREFIX=DIR below a prefix (may be repeated)", Takes::Values,
       apply_static},
      {"allow-origin", "ORIGIN",
       "web origin that may connect besides our own; * for all (may be repeated)", Takes::Values,
       [](ServerConfig& c, const std::string& v) { return append_to(c.origins, v); }},
      {"log-level", "LEVEL", "debug, info, warn, error or off [info]", Takes::Value,
       apply_log_level},
      {"tls-cert", "FILE", "PEM certificate with its chain: serve TLS", Takes::Value,
       text(&ServerConfig::tls_certificate)},
      {"tls-key", "FILE", "PEM private key of the certificate", Takes::Value,
       text(&ServerConfig::tls_key)},

      {"jwt-key", "KEYID:ALG:FILE",
       "accept tokens signed with this key; ALG is HS256, RS256, ES256 or EdDSA, FILE a PEM public "
       "key or an HS256 secret (may be repeated)",
       Takes::Values, apply_jwt_key},
      {"jwt-issuer", "TEXT", "tokens must name this issuer", Takes::Value,
       text(&ServerConfig::jwt_issuer)},
      {"jwt-audience", "TEXT", "tokens must name this audience", Takes::Value,
       text(&ServerConfig::jwt_audience)},
      {"jwt-leeway-s", "N", "seconds by which clocks may differ [30]", Takes::Value,
       number<uint64_t>([](ServerConfig& c) -> uint64_t& { return c.jwt_leeway_s; }, 0, 3600)},
      {"allow", "ROLE:PATTERN:r|rw",
       "let a role read or write the maps that match, and nobody anything else; * stands for any "
       "text, {sub} for the subject, the role * for everybody; r(FIELD=VALUE) lets it ask for the "
       "records that are so (may be repeated)",
       Takes::Values, [](ServerConfig& c, const std::string& v) { return append_to(c.allow, v); }},
      {"index", "MAP:FIELDS",
       "keep an index for queries to the node: fields with commas between, - before one that "
       "descends; or hash:, unique:, elements: or presence: and fields (may be repeated)",
       Takes::Values,
       [](ServerConfig& c, const std::string& v) { return append_to(c.indexes, v); }},
      {"partition", "MAP=FIELD",
       "keep records together whose keys begin alike, up to a / or to a : # | or @ behind FIELD; "
       "conditions on FIELD, which must have the same value, ask only where those are (may be "
       "repeated)",
       Takes::Values,
       [](ServerConfig& c, const std::string& v) { return append_to(c.partitions, v); }},
      {"view", "JSON",
       "keep an answer as records that can be asked like a map: {\"name\": ..., \"from\": MAP, "
       "\"where\", \"join\", \"groupBy\", \"aggregate\", \"distinct\", \"select\", \"orderBy\", "
       "\"limit\"} (may be repeated)",
       Takes::Values, [](ServerConfig& c, const std::string& v) { return append_to(c.views, v); }},
      {"no-auth", "", "ask for no tokens; --no-auth=force to do so on a public address",
       Takes::OptionalValue, apply_auth},
      {"admin-token", "TEXT", "allow /admin requests that carry this bearer token", Takes::Value,
       text(&ServerConfig::admin_token)},

      {"segment-bytes", "N", "size of a log segment [67108864]", Takes::Value,
       number<uint64_t>([](ServerConfig& c) -> uint64_t& { return c.segment_bytes; }, 1 << 20,
                        1 << 30)},
      {"checkpoint-interval-ms", "N", "time between checkpoints [5000]", Takes::Value,
       number<uint64_t>([](ServerConfig& c) -> uint64_t& { return c.checkpoint_interval_ms; }, 100,
                        kHourMs)},

      limit<uint32_t>("frame-bytes-max", "longest frame of a client", &L::frame_bytes_max,
                      kFrameBytesMaxLowest, 64 << 20),
      limit<uint32_t>("operations-in-flight-max", "operations a client may send ahead of its acks",
                      &L::operations_in_flight_max, 1, kAny),
      limit<uint32_t>("subscriptions-max", "subscriptions of a connection", &L::subscriptions_max,
                      1, 1 << 20),
      limit<uint32_t>("maps-max", "maps of the node", &L::maps_max, 1, 1 << 24),
      limit<uint32_t>("operations-per-second", "sustained operations of a connection; 0 = any",
                      &L::operations_per_second, 0, kAny),
      limit<uint32_t>("operations-burst", "operations above the sustained rate",
                      &L::operations_burst, 1, kAny),
      limit<uint32_t>("credit-bytes", "bytes pushed ahead of a client's credit", &L::credit_bytes,
                      64 << 10, 1 << 30),
      limit<uint64_t>("clock-drift-max-ms", "how far a client's clock may be ahead",
                      &L::clock_drift_max_ms, 0, kYearMs),
      limit<uint64_t>("hello-timeout-ms", "time a client has to say Hello", &L::hello_timeout_ms,
                      10, kHourMs),
      limit<uint64_t>("idle-timeout-ms",
                      "silence after which a client is pinged, and closed after "
                      "twice as long",
                      &L::idle_timeout_ms, 10, kYearMs),
      limit<uint64_t>("exchange-timeout-ms",
                      "time after which a request to /sync is answered with what there is",
                      &L::exchange_timeout_ms, 10, kHourMs),
      limit<uint64_t>("stream-timeout-ms", "life of a stream of /sync/events",
                      &L::stream_timeout_ms, 10, kYearMs),
      limit<uint32_t>("exchanges-max", "requests to /sync that a shard answers at once",
                      &L::exchanges_max, 1, 1 << 24),
      limit<uint64_t>("tombstone-retention-ms", "age at which deletions are forgotten",
                      &L::tombstone_retention_ms, 1000, 100 * kYearMs),

      net_limit("connections-max", "connections of a shard", &NetLimits::connections_max, 1,
                1 << 24),
      net_limit("handshake-timeout-ms", "time for TLS and the first request",
                &NetLimits::handshake_timeout_ms, 10, 3'600'000),
      net_limit("http-idle-timeout-ms", "time a kept-alive HTTP connection may be silent",
                &NetLimits::http_idle_timeout_ms, 10, 3'600'000),
      net_limit("request-timeout-ms", "time an HTTP request may take to come in",
                &NetLimits::request_timeout_ms, 10, 3'600'000),
      net_limit("heartbeat-ms", "silence after which a stream of /sync/events gets a comment",
                &NetLimits::heartbeat_ms, 10, 3'600'000),
      net_limit("output-bytes-max", "unsent bytes at which a connection is no longer read",
                &NetLimits::output_bytes_max, 64 << 10, 1 << 30),
      net_limit("peer-timeout-ms", "time sent bytes may stay unacknowledged by the peer's kernel",
                &NetLimits::peer_timeout_ms, 100, 3'600'000),
  };
}

const std::vector<Option>& options() {
  static const std::vector<Option> list = make_options();
  return list;
}

const Option* find_option(std::string_view name) {
  for (const Option& option : options()) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::string environment_name(const std::string& option) {
  std::string name = "TOPGUN_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

/// Values by option name, as one source gave them, and where each came from in words.
struct Given {
  std::vector<std::string> values;
  std::string where;
};
using Source = std::map<std::string, Given>;

struct SourceOutcome {
  Source source;
  std::string error;
};

SourceOutcome read_arguments(const std::vector<std::string>& arguments) {
  SourceOutcome outcome;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--")) {
      outcome.error = "unexpected argument '" + argument + "'";
      return outcome;
    }
    const size_t equals = argument.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string name = argument.substr(2, has_value ? equals - 2 : std::string::npos);
    const Option* option = find_option(name);
    if (option == nullptr && name != "config") {
      outcome.error = "unknown option '--" + name + "'";
      return outcome;
    }
    std::string value = has_value ? argument.substr(equals + 1) : std::string();
    if (!has_value && (option == nullptr || option->takes != Takes::OptionalValue)) {
      if (i + 1 == arguments.size()) {
        outcome.error = "option '--" + name + "' needs a value";
        return outcome;
      }
      value = arguments[++i];
    }
    Given& given = outcome.source[name];
    given.where = "option '--" + name + "'";
    given.values.push_back(std::move(value));
  }
  return outcome;
}

/// Where the first item of a list ends: at a comma, but none within the braces of a JSON object.
size_t item_end(std::string_view list) {
  const size_t begin = list.find_first_not_of(" \t");
  if (begin == list.npos || list[begin] != '{') return list.find(',');
  size_t depth = 0;
  bool in_text = false;
  for (size_t i = begin; i < list.size(); ++i) {
    const char c = list[i];
    if (in_text && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && (c == '{' || c == '[')) {
      ++depth;
    } else if (!in_text && (c == '}' || c == ']')) {
      if (depth > 0) --depth;
    } else if (!in_text && c == ',' && depth == 0) {
      return i;
    }
  }
  return list.npos;
}

SourceOutcome read_environment(const Environment& environment) {
  SourceOutcome outcome;
  for (const Option& option : options()) {
    const std::string variable = environment_name(option.name);
    const auto value = environment(variable);
    if (!value) continue;
    Given& given = outcome.source[option.name];
    given.where = "variable " + variable;
    if (option.takes != Takes::Values) {
      given.values.push_back(*value);
      continue;
    }
    std::string_view rest = *value;
    while (!rest.empty()) {
      const std::string_view item = rest.substr(0, item_end(rest));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      given.values.push_back(trim(item));
    }
  }
  return outcome;
}

SourceOutcome read_file(const std::string& path) {
  SourceOutcome outcome;
  std::ifstream file(path);
  if (!file) {
    outcome.error = "cannot read the configuration file '" + path + "'";
    return outcome;
  }
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    const std::string where = path + ":" + std::to_string(number);
    const std::string content = trim(line);
    if (content.empty() || content.starts_with("#")) continue;
    const size_t equals = content.find('=');
    if (equals == std::string::npos) {
      outcome.error = where + ": expected 'name = value'";
      return outcome;
    }
    const std::string name = trim(content.substr(0, equals));
    if (find_option(name) == nullptr) {
      outcome.error = where + ": unknown option '" + name + "'";
      return outcome;
    }
    Given& given = outcome.source[name];
    given.where = where + ": option '" + name + "'";
    given.values.push_back(trim(content.substr(equals + 1)));
  }
  return outcome;
}

bool is_loopback_address(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// What no single option can check.
Problem check_together(const ServerConfig& config, bool memory) {
  if (memory == config.data_directory.has_value()) {
    return "say where the data lives: --data DIR, or --memory to keep nothing";
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return "--tls-cert and --tls-key belong together";
  }
  if (config.auth == AuthMode::Jwt && config.jwt_keys.empty()) {
    return "say who may connect: --jwt-key KEYID:ALG:FILE, or --no-auth for everybody";
  }
  if (config.auth != AuthMode::Jwt && !config.jwt_keys.empty()) {
    return "--no-auth and --jwt-key contradict each other";
  }
  if (config.auth == AuthMode::Off && !is_loopback_address(config.host)) {
    return "--no-auth on the public address " + config.host +
           " lets anybody write; say --no-auth=force if that is meant";
  }
  return {};
}

}  // namespace

ConfigOutcome read_config(const std::vector<std::string>& arguments,
                          const Environment& environment) {
  SourceOutcome flags = read_arguments(arguments);
  if (!flags.error.empty()) return {std::nullopt, flags.error};
  SourceOutcome variables = read_environment(environment);

  std::optional<std::string> path = environment("TOPGUN_CONFIG");
  const auto named = flags.source.find("config");
  if (named != flags.source.end()) path = named->second.values.back();
  SourceOutcome file;
  if (path) file = read_file(*path);
  if (!file.error.empty()) return {std::nullopt, file.error};

  ServerConfig config;
  bool memory = false;
  // Where the data lives is one choice: a flag --memory overrules `data` of a file.
  const Source* place = nullptr;
  for (const Source* source : {&flags.source, &variables.source, &file.source}) {
    if (place == nullptr && (source->contains("data") || source->contains("memory"))) {
      place = source;
    }
  }
  for (const Option& option : options()) {
    for (const Source* source : {&flags.source, &variables.source, &file.source}) {
      const auto given = source->find(option.name);
      if (given == source->end()) continue;
      const bool is_place = option.name == "data" || option.name == "memory";
      if (is_place && source != place) continue;
      if (option.takes != Takes::Values && given->second.values.size() > 1) {
        return {std::nullopt, given->second.where + " is given twice"};
      }
      for (const std::string& value : given->second.values) {
        const Problem problem = option.name == "memory"
                                    ? apply_boolean(value, [&memory] { memory = true; })
                                    : option.apply(config, value);
        if (!problem.empty()) {
          return {std::nullopt, given->second.where + ": " + problem + ", not '" + value + "'"};
        }
      }
      break;
    }
  }
  Problem problem = check_together(config, memory);
  if (!problem.empty()) return {std::nullopt, problem};
  return {std::move(config), {}};
}

std::string describe_options() {
  std::string text = "  --config FILE\n      read options from lines 'name = value'\n";
  for (const Option& option : options()) {
    text += "  --" + option.name;
    if (!option.placeholder.empty()) text += " " + option.placeholder;
    text += "\n      " + option.help + "\n";
  }
  return text;
}

}  // namespace topgun::host
