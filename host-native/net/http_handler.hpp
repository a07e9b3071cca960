#pragma once

#include <optional>

#include "host-native/net/http.hpp"

namespace topgun::host {

class ShardLoop;

/// Where a request came in, and where a later answer goes.
struct HttpOrigin {
  ShardLoop* loop = nullptr;
  node::ConnectionId connection;
  bool loopback = false;
};

/// What the server does with HTTP requests. Called on the shards' threads, so it must be quick and
/// thread-safe; long work goes to another thread that answers by `ShardLoop::answer`.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// The answer, or nothing if it will come later.
  virtual std::optional<HttpResponse> handle(const HttpRequest& request,
                                             const HttpOrigin& origin) = 0;

  /// Whether the page that sent this request, if a page did, may connect: to `/ws` or to `/sync`.
  virtual bool admits_origin(const HttpRequest& request) = 0;
};

}  // namespace topgun::host
