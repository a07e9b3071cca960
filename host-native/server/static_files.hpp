#pragma once

#include <string>
#include <vector>

#include "host-native/net/http.hpp"
#include "host-native/server/config.hpp"

namespace topgun::host {

/// Serves files for demos and small sites: read whole at each request, checked by entity tag, taken
/// from a `.br` or `.gz` file beside them where the client accepts that. Never leaves the mounted
/// directories, not even through symbolic links. Immutable and thread-safe.
class StaticFiles {
 public:
  explicit StaticFiles(std::vector<StaticMount> mounts);

  /// The answer to a GET or HEAD; 404 where there is no such file.
  HttpResponse serve(const HttpRequest& request) const;

 private:
  std::vector<StaticMount> mounts_;  ///< Longest prefix first, directories made absolute.
};

}  // namespace topgun::host
