#include "host-native/server/commands.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/base/error.hpp"
#include "host-native/storage/backup.hpp"
#include "host-native/storage/check.hpp"
#include "host-native/storage/posix_environment.hpp"

namespace topgun::host {

namespace {

using Flags = std::map<std::string, std::string>;

struct Command {
  const char* usage;
  std::vector<std::string> required;
  std::vector<std::string> optional;
  int (*run)(const Flags& flags);
};

void print_line(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
}

int finish(const char* what, const Result<void>& done) {
  if (done.ok()) {
    std::printf("%s: ok\n", what);
    return 0;
  }
  const std::string name(error_name(done.error()));
  std::fprintf(stderr, "%s: %s\n", what, name.c_str());
  return kExitFailure;
}

int run_check(const Flags& flags) {
  return finish("check", check_directory(posix_environment(), flags.at("data"), print_line));
}

int run_restore(const Flags& flags) {
  return finish("restore", restore_directory(posix_environment(), flags.at("from"),
                                             flags.at("data"), print_line));
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    char escaped[4];
    std::snprintf(escaped, sizeof(escaped), "%%%02X", static_cast<unsigned>(c) & 0xff);
    encoded += escaped;
  }
  return encoded;
}

/// Asks a running server on this machine to write the backup; it answers when the copy is whole.
int run_backup(const Flags& flags) {
  uint16_t port = 0;
  const std::string& port_text = flags.at("port");
  const auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (parsed.ec != std::errc() || *parsed.ptr != '\0' || port == 0) {
    std::fprintf(stderr, "backup: '%s' is no port\n", port_text.c_str());
    return kExitUsage;
  }
  std::string token;
  if (flags.contains("admin-token")) {
    token = flags.at("admin-token");
  } else if (const char* variable = std::getenv("TOPGUN_ADMIN_TOKEN")) {
    token = variable;
  }

  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    std::fprintf(stderr, "backup: no server at 127.0.0.1:%u\n", unsigned{port});
    return kExitFailure;
  }
  const std::string request = "POST /admin/backup?dir=" + percent_encode(flags.at("to")) +
                              " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
                              "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  std::string answer;
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
      static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t got; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(got));
    }
  }
  close(fd);
  const size_t body = answer.find("\r\n\r\n");
  const std::string text = body == std::string::npos ? "no answer\n" : answer.substr(body + 4);
  const bool good = answer.starts_with("HTTP/1.1 200");
  std::fprintf(good ? stdout : stderr, "backup: %s", text.c_str());
  return good ? 0 : kExitFailure;
}

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> table = {
      {"check", {"topgun-server check --data DIR", {"data"}, {}, run_check}},
      {"backup",
       {"topgun-server backup --port PORT --to DIR [--admin-token TEXT]",
        {"port", "to"},
        {"admin-token"},
        run_backup}},
      {"restore",
       {"topgun-server restore --from DIR --data DIR", {"from", "data"}, {}, run_restore}},
  };
  return table;
}

}  // namespace

std::optional<int> run_command(const std::vector<std::string>& arguments) {
  if (arguments.empty() || !commands().contains(arguments[0])) return std::nullopt;
  const Command& command = commands().at(arguments[0]);
  const auto usage = [&command] {
    std::fprintf(stderr, "usage: %s\n", command.usage);
    return kExitUsage;
  };
  Flags flags;
  for (size_t i = 1; i < arguments.size(); i += 2) {
    const std::string name = arguments[i].starts_with("--") ? arguments[i].substr(2) : "";
    const auto knows = [&name](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (!knows(command.required) && !knows(command.optional)) return usage();
    if (i + 1 == arguments.size()) return usage();
    flags[name] = arguments[i + 1];
  }
  for (const std::string& name : command.required) {
    if (!flags.contains(name)) return usage();
  }
  return command.run(flags);
}

}  // namespace topgun::host
