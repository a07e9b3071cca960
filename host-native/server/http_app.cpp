#include "host-native/server/http_app.hpp"

#include <openssl/crypto.h>

#include <algorithm>

#include "host-native/net/shard_loop.hpp"

namespace topgun::host {

namespace {

bool equal_in_constant_time(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

void append_metric(std::string& out, const StatField& field, const std::vector<ShardLoop*>& loops,
                   uint64_t (LoopStats::*read)(size_t) const, size_t index) {
  const std::string name = field.name;
  out += "# HELP " + name + " " + field.help + "\n";
  out += "# TYPE " + name + (field.is_counter ? " counter\n" : " gauge\n");
  for (size_t shard = 0; shard < loops.size(); ++shard) {
    const uint64_t value = (loops[shard]->stats().*read)(index);
    out += name + "{shard=\"" + std::to_string(shard) + "\"} " + std::to_string(value) + "\n";
  }
}

}  // namespace

HttpApp::HttpApp(const ServerConfig& config)
    : files_(config.mounts), origins_(config.origins), admin_token_(config.admin_token) {}

HttpApp::~HttpApp() { finish_backup(); }

void HttpApp::finish_backup() {
  if (backup_thread_.joinable()) backup_thread_.join();
}

void HttpApp::attach(std::vector<ShardLoop*> loops, StorageEngine* storage) {
  loops_ = std::move(loops);
  storage_ = storage;
}

std::optional<HttpResponse> HttpApp::handle(const HttpRequest& request, const HttpOrigin& origin) {
  const std::string_view path = request.path();
  if (path == "/admin/backup") return backup(request, origin);
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refusal = text_response(405, "method not allowed\n");
    refusal.headers = {{"Allow", "GET, HEAD"}};
    return refusal;
  }
  if (path == "/healthz") return text_response(200, "ok\n");
  if (path == "/readyz") return readiness();
  if (path == "/metrics") return metrics();
  return files_.serve(request);
}

/// Browsers send Origin and cannot forge it. Our own pages and pages on the list may connect; what
/// is not a browser sends none and is judged by its token alone.
bool HttpApp::admits_origin(const HttpRequest& request) {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  const size_t scheme_end = origin.find("://");
  const bool own = scheme_end != std::string_view::npos &&
                   origin.substr(scheme_end + 3) == request.header("host");
  const bool listed = std::any_of(origins_.begin(), origins_.end(), [origin](const auto& allowed) {
    return allowed == "*" || allowed == origin;
  });
  return own || listed;
}

HttpResponse HttpApp::readiness() const {
  if (!ready_.load()) return text_response(503, "draining\n");
  if (log_failed_.load()) return text_response(503, "read-only: the log takes no writes\n");
  return text_response(200, "ready\n");
}

HttpResponse HttpApp::metrics() const {
  std::string out;
  for (size_t i = 0; i < LoopStats::kHostCount; ++i) {
    append_metric(out, LoopStats::host_field(i), loops_, &LoopStats::host, i);
  }
  for (size_t i = 0; i < LoopStats::kShardCount; ++i) {
    append_metric(out, LoopStats::shard_field(i), loops_, &LoopStats::shard, i);
  }
  std::vector<const RequestTimes*> request_times;
  for (const ShardLoop* loop : loops_) request_times.push_back(&loop->request_times());
  append_request_times(out, request_times);
  out += "# HELP topgun_ready Whether the node takes writes.\n# TYPE topgun_ready gauge\n";
  out += "topgun_ready " + std::to_string(ready_.load() && !log_failed_.load() ? 1 : 0) + "\n";
  HttpResponse response = text_response(200, out);
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

std::optional<HttpResponse> HttpApp::backup(const HttpRequest& request, const HttpOrigin& origin) {
  if (request.method != "POST") return text_response(405, "method not allowed\n");
  if (!origin.loopback || admin_token_.empty()) return text_response(403, "forbidden\n");
  if (!equal_in_constant_time(request.header("authorization"), "Bearer " + admin_token_)) {
    return text_response(401, "the admin token is missing or wrong\n");
  }
  if (storage_ == nullptr) return text_response(503, "nothing is stored: started with --memory\n");
  const auto directory = request.query("dir");
  if (!directory || directory->empty()) return text_response(400, "query 'dir' is missing\n");
  if (backup_running_.exchange(true)) return text_response(503, "a backup is running\n");

  if (backup_thread_.joinable()) backup_thread_.join();
  backup_thread_ = std::thread([this, origin, directory = *directory] {
    const Result<void> done = storage_->backup(directory);
    backup_running_.store(false);
    origin.loop->answer(origin.connection,
                        done.ok()
                            ? text_response(200, "backup complete\n")
                            : text_response(500, std::string(error_name(done.error())) + "\n"));
  });
  return std::nullopt;
}

}  // namespace topgun::host
