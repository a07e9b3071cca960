#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/node/shard.hpp"
#include "host-native/log/logger.hpp"
#include "host-native/net/shard_loop.hpp"

namespace topgun::host {

/// Files under `directory` are served below `prefix`, which starts and ends with a slash.
struct StaticMount {
  std::string prefix;
  std::string directory;
};

/// One key that tokens may be signed with.
struct JwtKeyConfig {
  std::string key_id;
  std::string algorithm;  ///< HS256, RS256, ES256 or EdDSA: pinned here, never read from a token.
  std::string path;       ///< PEM public key; for HS256 the secret's bytes.
};

enum class AuthMode : uint8_t { Jwt, Off, OffForced };

/// Everything the server can be told.
struct ServerConfig {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;
  std::optional<std::string> data_directory;  ///< Nothing: in memory.
  uint16_t shards = 0;                        ///< 0: one for each processor.
  LogLevel log_level = LogLevel::Info;
  std::vector<StaticMount> mounts;
  std::vector<std::string> origins;
  std::string tls_certificate;
  std::string tls_key;
  std::string admin_token;

  AuthMode auth = AuthMode::Jwt;
  std::vector<JwtKeyConfig> jwt_keys;
  std::string jwt_issuer;
  std::string jwt_audience;
  uint64_t jwt_leeway_s = 30;
  std::vector<std::string> indexes;     ///< `map:[kind:]fields`
  std::vector<std::string> partitions;  ///< `map=field[separator]`
  std::vector<std::string> views;       ///< Each a JSON object.
  std::vector<std::string> allow;       ///< `role:pattern:r|rw`

  uint64_t segment_bytes = 64ull << 20;
  uint64_t checkpoint_interval_ms = 5'000;

  node::ShardLimits limits;
  NetLimits net;
};

/// A configuration or what is wrong with it, in words for the person at the terminal.
struct ConfigOutcome {
  std::optional<ServerConfig> config;
  std::string error;
};

/// Reads an environment variable; the host's `getenv`, or a table in tests.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Puts the configuration together. An option `some-name` may be given as `--some-name VALUE` or
/// `--some-name=VALUE`, as `TOPGUN_SOME_NAME`, or as a line `some-name = VALUE` of the file named
/// by
/// `--config`; the earlier source in this list wins as a whole. Unknown names are errors
/// everywhere.
ConfigOutcome read_config(const std::vector<std::string>& arguments,
                          const Environment& environment);

/// The option part of `--help`.
std::string describe_options();

}  // namespace topgun::host
