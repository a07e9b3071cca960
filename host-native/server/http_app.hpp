#pragma once

#include <atomic>
#include <thread>

#include "host-native/net/http_handler.hpp"
#include "host-native/server/static_files.hpp"

namespace topgun::host {

/// What the server answers over HTTP beside `/ws` and `/sync`:
///
///     GET  /healthz                the process runs
///     GET  /readyz                 it takes writes and is not draining; 503 otherwise
///     GET  /metrics                Prometheus text
///     POST /admin/backup?dir=DIR   loopback and admin token only
///     GET  …                       static files
class HttpApp : public HttpHandler {
 public:
  explicit HttpApp(const ServerConfig& config);
  ~HttpApp() override;

  /// Before the loops run. Borrows.
  void attach(std::vector<ShardLoop*> loops, StorageEngine* storage);

  /// Waits for a backup that is under way. After the loops ended, before they are freed.
  void finish_backup();

  void set_ready(bool ready) { ready_.store(ready); }
  void set_log_failed(bool failed) { log_failed_.store(failed); }

  std::optional<HttpResponse> handle(const HttpRequest& request, const HttpOrigin& origin) override;
  bool admits_origin(const HttpRequest& request) override;

 private:
  HttpResponse readiness() const;
  HttpResponse metrics() const;
  std::optional<HttpResponse> backup(const HttpRequest& request, const HttpOrigin& origin);

  StaticFiles files_;
  std::vector<std::string> origins_;
  std::string admin_token_;
  std::vector<ShardLoop*> loops_;
  StorageEngine* storage_ = nullptr;
  std::atomic<bool> ready_{false};
  std::atomic<bool> log_failed_{false};
  std::atomic<bool> backup_running_{false};
  std::thread backup_thread_;
};

}  // namespace topgun::host
