#pragma once

#include <cstdint>
#include <string>

namespace topgun::host {

struct ListenSocket {
  int fd = -1;        ///< Non-blocking and listening; -1 on failure.
  uint16_t port = 0;  ///< The port that was bound.
  std::string error;
};

/// Binds to a numeric address or a name. A port of 0 picks a free one. The caller owns `fd`.
ListenSocket open_listen_socket(const std::string& host, uint16_t port);

}  // namespace topgun::host
