// topgun-server: see --help.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "host-native/server/commands.hpp"
#include "host-native/server/server.hpp"

namespace {

using namespace topgun;
using namespace topgun::host;

constexpr const char* kHelp =
    "usage: topgun-server (--data DIR | --memory) (--jwt-key KEYID:ALG:FILE | --no-auth) "
    "[options]\n"
    "       topgun-server check --data DIR\n"
    "       topgun-server backup --port PORT --to DIR [--admin-token TEXT]\n"
    "       topgun-server restore --from DIR --data DIR\n"
    "\n"
    "Serves TopGun maps over WebSocket at /ws, and /healthz, /readyz, /metrics and static files\n"
    "over HTTP, all on one port. Prints PORT=<n> when it is ready. SIGTERM drains and ends it.\n"
    "check verifies a directory that no server uses; backup asks the server that runs on this\n"
    "machine for a copy of its data, and restore makes a data directory of such a copy.\n"
    "\n"
    "Every option may also be given as a variable (--log-level as TOPGUN_LOG_LEVEL) or in the "
    "file\n"
    "named by --config; the command line wins over the environment, and that over the file.\n"
    "\n";

/// Each connection is a descriptor, and the usual soft limit of 1024 is no protection for a server.
void raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int serve(const std::vector<std::string>& arguments) {
  const ConfigOutcome outcome = read_config(arguments, [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::optional<std::string>() : std::string(value);
  });
  if (!outcome.config) {
    std::fprintf(stderr, "topgun-server: %s\n(try --help)\n", outcome.error.c_str());
    return kExitUsage;
  }

  // Blocked before any thread starts, so that all inherit the mask and only `sigwait` takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  raise_descriptor_limit();

  const Logger logger(outcome.config->log_level);
  Server::Started started = Server::start(*outcome.config, logger);
  if (!started.server) {
    logger.error("cannot start", {{"reason", std::string_view(started.error)}});
    return kExitFailure;
  }
  std::printf("PORT=%u\n", unsigned{started.server->port()});
  std::fflush(stdout);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  started.server->stop();
  logger.info("stopped");
  return 0;
}

/// The core is built without exceptions and cannot go on without memory. What was acked is in the
/// log, so ending at once is as good as any crash: the next start recovers. Allocates nothing.
void end_without_memory() {
  constexpr char kText[] = "topgun-server: out of memory\n";
  const ssize_t written = ::write(STDERR_FILENO, kText, sizeof(kText) - 1);
  ::_exit(written < 0 ? EXIT_FAILURE + 1 : EXIT_FAILURE);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_new_handler(end_without_memory);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      std::printf("%s%s", kHelp, describe_options().c_str());
      return 0;
    }
    if (argument == "--version") {
      std::printf("topgun-server %s\n", TOPGUN_VERSION);
      return 0;
    }
  }
  const std::optional<int> done = run_command(arguments);
  return done ? *done : serve(arguments);
}
