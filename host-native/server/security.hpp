#pragma once

#include <memory>
#include <string>

#include "core/node/principal.hpp"
#include "host-native/net/tls.hpp"
#include "host-native/server/config.hpp"

namespace topgun::host {

/// Who may connect and do what, as configured.
struct Security {
  std::unique_ptr<TlsContext> tls;  ///< Null: plain TCP.
  std::unique_ptr<node::Authenticator> authenticator;
  std::unique_ptr<node::AccessPolicy> access;
};

/// Loads certificates, keys and rules. `error` says in words what cannot be used.
struct SecurityOutcome {
  Security security;
  std::string error;
};
SecurityOutcome load_security(const ServerConfig& config);

}  // namespace topgun::host
