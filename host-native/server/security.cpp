#include "host-native/server/security.hpp"

#include <fstream>
#include <iterator>

#include "core/node/access_policy.hpp"
#include "host-native/auth/jwt.hpp"

namespace topgun::host {

namespace {

/// Everybody is welcome: `--no-auth`.
class OpenAuthenticator : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView, uint64_t) const override { return node::Principal{}; }
};

/// Whoever may connect may do everything: no `--allow` was given.
class OpenPolicy : public node::AccessPolicy {
 public:
  bool allows(const node::Principal&, std::string_view, node::Permission) const override {
    return true;
  }
};

std::optional<Bytes> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return to_bytes(as_bytes(text));
}

std::string load_tokens(const ServerConfig& config, Security& security) {
  if (config.auth != AuthMode::Jwt) {
    security.authenticator = std::make_unique<OpenAuthenticator>();
    return {};
  }
  JwtAuthenticator::Options options;
  options.issuer = config.jwt_issuer;
  options.audience = config.jwt_audience;
  options.leeway_ms = config.jwt_leeway_s * 1000;
  auto authenticator = std::make_unique<JwtAuthenticator>(std::move(options));
  for (const JwtKeyConfig& key : config.jwt_keys) {
    const std::string name = "key '" + key.key_id + "'";
    const auto material = read_file(key.path);
    if (!material) return name + ": cannot read " + key.path;
    const auto algorithm = jwt_algorithm_from(key.algorithm);
    if (!algorithm || !authenticator->add_key(key.key_id, *algorithm, *material).ok()) {
      return name + ": " + key.path + " is no key for " + key.algorithm +
             ", or the key's name is used twice";
    }
  }
  security.authenticator = std::move(authenticator);
  return {};
}

std::string load_rules(const ServerConfig& config, Security& security) {
  if (config.allow.empty()) {
    security.access = std::make_unique<OpenPolicy>();
    return {};
  }
  auto rules = node::RuleAccessPolicy::parse(config.allow);
  if (!rules.ok())
    return "a rule of --allow is not ROLE:PATTERN:r, ROLE:PATTERN:rw or "
           "ROLE:PATTERN:r(FIELD=VALUE)";
  security.access = std::make_unique<node::RuleAccessPolicy>(std::move(rules).value());
  return {};
}

}  // namespace

SecurityOutcome load_security(const ServerConfig& config) {
  SecurityOutcome outcome;
  if (!config.tls_certificate.empty()) {
    auto tls = TlsContext::load(config.tls_certificate, config.tls_key);
    if (!tls.ok()) return {{}, "cannot use the TLS certificate and key"};
    outcome.security.tls = std::move(tls).value();
  }
  outcome.error = load_tokens(config, outcome.security);
  if (outcome.error.empty()) outcome.error = load_rules(config, outcome.security);
  return outcome;
}

}  // namespace topgun::host
